/** Starts the appointments module. */
import { business } from "./appointments/business.js";
import { handlers } from "./appointments/customers.js";
import { operations } from "./appointments/operations.js";
import { serve } from "./chassis/module.js";

await serve("appointments", { title: "Appointments", operations, handlers, business });
