// node probe.js [ready|startup|live]: the same questions and answers as nexus_kit/probe.py.
const fs = require("node:fs");
const http = require("node:http");
const MARKER = "/tmp/nexus-was-ready";
const { PORT, NEXUS_HEALTH_READY: ready, NEXUS_HEALTH_LIVE: live } = process.env;
const startup = process.argv[2] === "startup";
const wasReady = startup && fs.existsSync(MARKER);
const path = wasReady || process.argv[2] === "live" ? live : ready;
function end(reason) {
  if (reason) console.log(reason.slice(0, 200));
  else if (startup && !wasReady) fs.writeFileSync(MARKER, "");
  process.exit(reason ? 1 : 0);
}
setTimeout(() => end(path + ": no answer within 3 s"), 3000);
if (path) {
  http.get({ host: "127.0.0.1", port: PORT, path, agent: false }, (answer) => {
    let body = "";
    answer.on("data", (part) => (body += part));
    answer.on("end", () => end(answer.statusCode === 200 ? "" : path + " " + answer.statusCode + ": " + body));
  }).on("error", (error) => end(path + ": " + error.message));
} else {
  require("node:net").connect(PORT, "127.0.0.1", () => end("")).on("error", (error) => end(error.message));
}
