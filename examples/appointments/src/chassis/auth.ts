/** Who asks: access tokens, RS256 only, verified with the keys that the auth module publishes. */
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";
import { z } from "zod";
import { log, reason } from "./logs.js";
import { Problem, Unavailable } from "./problems.js";

const REFRESH_MS = 240_000;
const MAX_TOKEN_BYTES = 16_384;

const uuid = z.guid().toLowerCase();
const claims = z.union([
  z.object({ svc: z.string(), sub: z.string() }).refine((token) => token.sub === `service:${token.svc}`),
  z.object({
    svc: z.undefined().optional(),
    sub: uuid,
    cid: uuid,
    sid: uuid.optional(),
    email: z.string().default(""),
    permissions: z.array(z.string()).default([]),
  }),
]);

/** A person of a company. */
export interface Person {
  readonly user: string;
  readonly company: string;
  readonly permissions: ReadonlySet<string>;
}

/** Whether `wanted` is held, by name or by a wildcard: `*`, `appointments.*`. */
export function holds(permissions: ReadonlySet<string>, wanted: string): boolean {
  if (permissions.has("*") || permissions.has(wanted)) return true;
  const parts = wanted.split(".");
  return parts.some((_, at) => at > 0 && permissions.has(`${parts.slice(0, at).join(".")}.*`));
}

/** Verifies tokens; `revoked` knows the sessions that ended before their tokens expire. */
export class Verifier {
  private readonly keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    jwksUrl: string | undefined,
    private readonly revoked: { has(session: string): boolean },
  ) {
    const options = { timeoutDuration: 2000, cooldownDuration: 2000, cacheMaxAge: Infinity };
    this.keys = jwksUrl ? createRemoteJWKSet(new URL(jwksUrl), options) : undefined;
  }

  /** Fetches the keys now and every few minutes; the ones at hand stay when that fails. */
  start(): void {
    const refresh = () =>
      this.keys?.reload().catch((error: unknown) => log.warning("keys cannot be fetched", { reason: reason(error) }));
    void refresh();
    this.timer = setInterval(refresh, REFRESH_MS);
  }

  /** Fetches no more keys. */
  stop(): void {
    clearInterval(this.timer);
  }

  /** The person behind an Authorization header, who holds one of `permissions`. Throws problems 401, 403 and 503. */
  async person(authorization: string | undefined, permissions: readonly string[]): Promise<Person> {
    const [scheme = "", token = ""] = (authorization ?? "").split(/ +/, 2);
    if (scheme.toLowerCase() !== "bearer" || !token)
      throw unauthorized("token-missing", "Send an access token: Authorization: Bearer <token>.");
    const who = await this.claims(token);
    if (who.svc !== undefined) throw new Problem(403, "people-only", "This address is for people; modules use /internal.");
    if (who.sid && this.revoked.has(who.sid)) throw unauthorized("session-revoked", "This session has ended. Log in again.");
    const held = new Set(who.permissions);
    if (!permissions.some((wanted) => holds(held, wanted)))
      throw new Problem(403, "permission-missing", `This needs the permission ${permissions.join(" or ")}.`, {
        needed: permissions,
      });
    return { user: who.sub, company: who.cid, permissions: held };
  }

  private async claims(token: string) {
    if (!this.keys) throw new Unavailable("NEXUS_JWKS_URL was not given, so tokens cannot be verified.", "keys-unavailable");
    try {
      if (token.length > MAX_TOKEN_BYTES || typeof decodeProtectedHeader(token).kid !== "string")
        throw new errors.JWTInvalid("too long, or signed by a key without a name");
      const { payload } = await jwtVerify(token, this.keys, {
        algorithms: ["RS256"],
        issuer: "nexus",
        audience: "nexus",
        requiredClaims: ["exp", "iat", "sub", "iss", "aud"],
      });
      return claims.parse(payload);
    } catch (error) {
      if (error instanceof errors.JWTExpired)
        throw unauthorized("token-expired", "The access token has expired. Refresh it.");
      if (this.keys.jwks() === undefined && !isAboutTheToken(error))
        throw new Unavailable("The keys that verify access tokens cannot be fetched now.", "keys-unavailable");
      throw unauthorized("invalid-token", "The access token is not valid.");
    }
  }
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JOSEAlgNotAllowed ||
    (error instanceof TypeError && error.message.includes("Protected Header"))
  );
}

/** A 401 with the challenge that RFC 6750 asks for. */
function unauthorized(slug: string, detail: string): Problem {
  return new Problem(401, slug, detail, {}, { "WWW-Authenticate": 'Bearer realm="nexus"' });
}
