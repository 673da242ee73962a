-- Rendered by nexus. Do not edit: the next start writes it anew.
-- Keeps the map from a service to the percentage of requests that its candidate gets. The agent of telemetry is
-- asked for it, and told which version of it is in force here and which candidates can answer. While the agent is
-- away, or has been told nothing itself, the shares stay what they are; a reload finds them in the file.
-- The agent also names the addresses of instances that are about to go: they get no new requests, and the agent is
-- told how many they still have.
local FILE, URL = "/tmp/split", "http://telemetry:4318/traffic"
local SERVICES = { "auth", "crm", "financial", "frontend", "inventory", "sales", "users" }
local WHO = (os.getenv("HOSTNAME") or ""):gsub("[^%w._-]", "")

-- "# VERSION", then a line "SERVICE PERCENT" for each share and "- ADDRESS" for each instance that leaves: the agent's
-- answer. In the file, which the proxy reads as a map, who leaves stands in a comment.
local function parse(text)
    local version, shares, leaving = text:match("^# ([%w._-]+)\n"), {}, {}
    for name, percent in text:gmatch("([%w-]+) (%d+)\n") do shares[name] = math.min(tonumber(percent), 100) end
    for address in text:gmatch("\n[# ]*%- ([%d.]+)") do leaving[address] = true end
    return version, shares, leaving
end

local function write(version, shares, leaving)
    local file = assert(io.open(FILE .. ".new", "w"))
    assert(file:write("# " .. version .. "\n"))
    for _, name in ipairs(SERVICES) do assert(file:write(name .. " " .. (shares[name] or 0) .. "\n")) end
    for address in pairs(leaving) do assert(file:write("# - " .. address .. "\n")) end
    file:close()
    assert(os.rename(FILE .. ".new", FILE))
end

-- The proxy reads the file right after this chunk has run: it must exist, with a line for every service.
local have, shares, leaving
do
    local file = io.open(FILE, "r")
    have, shares, leaving = parse(file and file:read("a") or "")
    if file then file:close() end
    write(have or "none", shares, leaving)
end

local function take(version, told, gone)
    local words = {}
    for _, name in ipairs(SERVICES) do
        core.set_map(FILE, name, tostring(told[name] or 0))
        if (told[name] or 0) ~= (shares[name] or 0) then words[#words + 1] = name .. " " .. (told[name] or 0) .. " %" end
    end
    write(version, told, gone)
    have, shares, leaving = version, told, gone
    if #words > 0 then core.log(core.notice, "candidates get another share of the requests: " .. table.concat(words, ", ")) end
end

local function up(name)
    for _, server in pairs(core.backends[name .. ".next"].servers) do
        local stats = server:get_stats()
        if stats.status:sub(1, 2) == "UP" and stats.weight > 0 then return true end
    end
    return false
end

-- The candidates that are to get requests and can answer them.
local function serving()
    local found = {}
    for _, name in ipairs(SERVICES) do
        if (shares[name] or 0) > 0 and up(name) then found[#found + 1] = name end
    end
    return table.concat(found, ",")
end

-- Gives the instances of a backend that leave no new request, as long as another one can answer (`alone`: whether or
-- not), and those that stay their share. Adds to `busy` how many requests those that leave still have; at least one
-- where it has only now been decided, or not yet.
local function lead_out(backend, alone, busy)
    local going, staying = {}, 0
    for _, server in pairs(backend.servers) do
        local stats = server:get_stats()
        local address, drained = server:get_addr():gsub(":%d+$", ""), stats.status:sub(1, 5) == "DRAIN"
        local able = stats.status:sub(1, 2) == "UP"
        if leaving[address] then
            going[#going + 1] = { server = server, address = address, drained = drained, able = able, has = stats.scur }
        else
            if drained then server:set_ready() end
            if able and stats.weight > 0 then staying = staying + 1 end
        end
    end
    local out = alone or staying > 0
    for _, each in ipairs(going) do
        if each.drained ~= out then
            if out then each.server:set_drain() else each.server:set_ready() end
        end
        local most = (each.able or each.drained and not out) and math.max(each.has, 1) or each.has
        busy[each.address] = (busy[each.address] or 0) + most
    end
end

-- "ADDRESS:REQUESTS" of each instance that leaves and still has some.
local function busy()
    local found, words = {}, {}
    for _, name in ipairs(SERVICES) do
        lead_out(core.backends[name], false, found)
        lead_out(core.backends[name .. ".next"], true, found)
    end
    for address, has in pairs(found) do
        if has > 0 then words[#words + 1] = address .. ":" .. has end
    end
    return table.concat(words, ",")
end

-- After a reload the former worker goes on for the requests that it has, and says that it is one.
local function worker()
    local info = core.get_info()
    return "&worker=" .. info["Pid"] .. (tonumber(info["Stopping"] or 0) > 0 and "&former=1" or "")
end

local function ask()
    local question = "?who=" .. WHO .. "&have=" .. (have or "") .. "&serving=" .. serving() .. "&busy=" .. busy() .. worker()
    local answer = core.httpclient():get{ url = URL .. question, timeout = 2000 }
    if answer.status ~= 200 then return false end
    local version, told, gone = parse(answer.body or "")
    if not version or version == have then return false end
    take(version, told, gone)
    return true
end

core.register_task(function()
    local trouble = ""
    while true do
        local well, taken = pcall(ask)
        if not well and tostring(taken) ~= trouble then
            trouble = tostring(taken)
            core.log(core.warning, "the shares of requests could not be fetched: " .. trouble)
        end
        if not (well and taken) then core.msleep(500) end -- what was taken is told at once
    end
end)
