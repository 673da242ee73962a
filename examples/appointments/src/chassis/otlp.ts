/** Spans over OTLP/HTTP. Loaded only when OTEL_EXPORTER_OTLP_ENDPOINT is set. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { Settings } from "./settings.js";
import type { Recorder } from "./tracing.js";

/** A recorder that sends to the endpoint of the environment. */
export function otlpRecorder(settings: Settings): Recorder {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": settings.service,
      "service.instance.id": settings.instance,
      "service.version": settings.release,
    }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer("nexus");
  return {
    begin(name, kind, parent) {
      const span = tracer.startSpan(
        name,
        { kind: kind === "server" ? SpanKind.SERVER : SpanKind.CONSUMER },
        parent ? trace.setSpanContext(ROOT_CONTEXT, remote(parent)) : ROOT_CONTEXT,
      );
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
        end(attributes, error, name) {
          if (name !== undefined) span.updateName(name);
          span.setAttributes(attributes);
          if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
          span.end();
        },
      };
    },
    stop: () => provider.shutdown(),
  };
}

function remote(traceparent: string) {
  const [, traceId = "", spanId = "", flags = "0"] = traceparent.split("-");
  return { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
}
