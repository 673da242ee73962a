-- Rendered by nexus. Do not edit: the next start writes it anew.
-- A worker that begins knows no instance before the name server has answered. So each worker writes down once a
-- second what is known of the servers, and the next one begins with that ("Server state", management guide).
local FILE, SOCKET = "/tmp/known", "/tmp/stats.sock"

local function write(text)
    local file = assert(io.open(FILE .. ".new", "w"))
    assert(file:write(text))
    file:close()
    assert(os.rename(FILE .. ".new", FILE))
end

-- The proxy reads the file when it has read its settings: it must exist.
do
    local file = io.open(FILE, "r")
    if file then file:close() else write("1\n") end
end

local function known()
    local stats = core.tcp()
    stats:settimeout(2)
    if not stats:connect(SOCKET) then return nil end
    stats:send("show servers state\n")
    local told = stats:receive("*a") or ""
    stats:close()
    return told:sub(1, 2) == "1\n" and told or nil
end

core.register_task(function()
    local trouble = ""
    while true do
        core.sleep(1)
        if tonumber(core.get_info()["Stopping"] or 0) > 0 then return end -- the next worker goes on
        local well, told = pcall(known)
        if well and told then well, told = pcall(write, told) end
        if not well and tostring(told) ~= trouble then
            trouble = tostring(told)
            core.log(core.warning, "what is known of the servers could not be written down: " .. trouble)
        end
    end
end)
