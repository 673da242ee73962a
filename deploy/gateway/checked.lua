-- Rendered by nexus. Do not edit: the next start writes it anew.
-- An instance that the name server tells of is UP before anybody has asked it whether it is ready: HAProxy 2.8 has
-- no `init-state` (3.1 has). So such a server has no weight, and with that no requests, until a health check has
-- passed at the address that it has now; and none again when it is down or gone.
local BACKENDS = { "auth", "crm", "financial", "frontend", "inventory", "sales", "users", "auth.next", "crm.next", "financial.next", "frontend.next", "inventory.next", "sales.next", "users.next" }
local WEIGHT, EVERY_MS = "100", 250
local checked = {} -- server -> the address at which a check has passed

local function look(name, server)
    local stats, address = server:get_stats(), server:get_addr()
    local up = stats.status:sub(1, 2) == "UP"
    local before = checked[name]
    if up and stats.weight > 0 and (before or address) ~= address then
        server:check_force_down() -- another instance under the same name: what is known is known of the former
        up = false
    end
    if not up then
        checked[name] = nil
        if stats.weight > 0 then server:set_weight("0") end
    elseif stats.check_health == stats.check_rise + stats.check_fall - 1 then -- 1 less where none has passed yet
        checked[name] = address
        if stats.weight == 0 then server:set_weight(WEIGHT) end
    end
end

core.event_sub({"SERVER_ADMIN", "SERVER_CHECK", "SERVER_STATE"}, function(_, data)
    local server = data.reference
    if server and core.backends[data.proxy_name] then look(data.proxy_name .. "/" .. data.name, server) end
end)

-- What no event tells of: servers of the process before this one, and an address that has changed in its place.
core.register_task(function()
    while true do
        for _, backend in ipairs(BACKENDS) do
            for name, server in pairs(core.backends[backend].servers) do look(backend .. "/" .. name, server) end
        end
        core.msleep(EVERY_MS)
    end
end)
