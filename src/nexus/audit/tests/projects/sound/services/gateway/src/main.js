const app = require("express")();
app.get("/health", (request, response) => response.json({ ok: true }));
app.listen(process.env.PORT || 8080);
