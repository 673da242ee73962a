/** Metrics: what every module counts, in Prometheus' exposition format, labelled with the service. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The registry of one process and the chassis' own metrics. */
export class Metrics {
  readonly registry = new Registry();
  readonly requests = new Histogram({
    name: "nexus_http_request_seconds",
    help: "Duration of requests by route and status.",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS,
    registers: [this.registry],
  });
  readonly inFlight = this.gauge("nexus_http_requests_in_flight", "Requests being answered now.");
  readonly backlog = this.gauge("nexus_outbox_backlog", "Events in the outbox that are not sent yet.");
  readonly connections = new Gauge({
    name: "nexus_db_connections",
    help: "Connections of the database pool.",
    labelNames: ["state"],
    registers: [this.registry],
  });
  readonly sent = new Counter({
    name: "nexus_events_published_total",
    help: "Events sent to the module's stream.",
    registers: [this.registry],
  });
  readonly handled = new Counter({
    name: "nexus_events_consumed_total",
    help: "Events of other modules by what became of them.",
    labelNames: ["module", "type", "outcome"],
    registers: [this.registry],
  });

  constructor(service: string) {
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
  }

  private gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] });
  }
}
