-- Rendered by nexus. Do not edit: the next start writes it anew.
-- Fetches the public keys that verify tokens. jwt_verify reads key files only when the proxy loads its
-- configuration, so each key has a file of a fixed name (its slot), a map says which key id is in which slot,
-- and after a change the proxy reloads itself. Sockets stay open and no request is lost.
local FOLDER, SLOTS = "/tmp/keys", 8
local MAP = FOLDER .. "-kids.map"

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function decode(text)
    text = text:gsub("-", "+"):gsub("_", "/"):gsub("[^%w+/]", "")
    local bits, count, out = 0, 0, {}
    for digit in text:gmatch(".") do
        bits = (bits << 6) | (DIGITS:find(digit, 1, true) - 1)
        count = count + 6
        if count >= 8 then
            count = count - 8
            out[#out + 1] = string.char((bits >> count) & 0xFF)
            bits = bits & ((1 << count) - 1)
        end
    end
    return table.concat(out)
end

local function encode(bytes)
    local out = {}
    for i = 1, #bytes, 3 do
        local a, b, c = bytes:byte(i, i + 2)
        local group = (a << 16) | ((b or 0) << 8) | (c or 0)
        for shift = 18, 0, -6 do
            local n = ((group >> shift) & 63) + 1
            out[#out + 1] = DIGITS:sub(n, n)
        end
        if not c then out[#out] = "=" end
        if not b then out[#out - 1] = "=" end
    end
    return table.concat(out)
end

-- DER (X.690) of a SubjectPublicKeyInfo (RFC 5280) that holds an RSA key (RFC 8017).
local function element(tag, body)
    local length = #body
    if length < 128 then return string.char(tag, length) .. body end
    local size = ""
    while length > 0 do
        size = string.char(length & 0xFF) .. size
        length = length >> 8
    end
    return string.char(tag, 0x80 | #size) .. size .. body
end

local function integer(bytes)
    if bytes:byte(1) >= 0x80 then bytes = "\0" .. bytes end
    return element(0x02, bytes)
end

local RSA = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"

local function pem(n, e)
    local key = element(0x30, integer(decode(n)) .. integer(decode(e)))
    local text = encode(element(0x30, RSA .. element(0x03, "\0" .. key)))
    local lines = {}
    for i = 1, #text, 64 do lines[#lines + 1] = text:sub(i, i + 63) end
    return "-----BEGIN PUBLIC KEY-----\n" .. table.concat(lines, "\n") .. "\n-----END PUBLIC KEY-----\n"
end

local function read(path)
    local file = io.open(path, "r")
    if not file then return nil end
    local text = file:read("a")
    file:close()
    return text
end

local function write(path, text)
    local file = assert(io.open(path .. ".new", "w"))
    assert(file:write(text))
    file:close()
    assert(os.rename(path .. ".new", path))
end

-- The proxy reads these files right after this chunk has run: they must exist, keys or not.
local nobody = pem("tgY3KDUBGjRdKefp2BwXoH8gg9-6MN4OItuSuDpAJrYtcJO0kOAuZ1tTw5plmJ-w0SSA9HolNs7ABqmjLZdzLa2LMl_81_kbxysMysW7iwQnTlQ1ghY350dPUGG255HtdKAR-nyWKfDXnnGREUeFIe9kZHb8LTNuf62fZ-GQ4WBDA1PXWvBbLBfPxqa_kSTHijg9T05QM0R05X-jWVjTXe_Uvbw4Se0wGxo-AU66zmwMoK22otl6TcZf8Acer0pcOV9SoGGYXQflM6y8ugZWAEx3IkaJMh00dGdr8xw50bKolPEombJB5iLQW6Qo_P23eVlgSqhUvkPbeV5xSkspZw", "AQAB")
for slot = 0, SLOTS - 1 do
    local path = FOLDER .. "-" .. slot .. ".pem"
    if not read(path) then write(path, nobody) end
end
if not read(MAP) then write(MAP, "") end

local function known(document)
    local keys = {}
    for key in document:gmatch("{[^{}]*}") do
        local function member(name) return key:match('"' .. name .. '"%s*:%s*"([^"]*)"') end
        local kid, n, e = member("kid"), member("n"), member("e")
        if member("kty") == "RSA" and (member("alg") or "RS256") == "RS256" and n and e
            and kid and #kid <= 128 and kid:match("^[%w._-]+$") and #keys < SLOTS then
            keys[#keys + 1] = { kid = kid, pem = pem(n, e) }
        end
    end
    table.sort(keys, function(a, b) return a.kid < b.kid end)
    return keys
end

local function reload()
    local master = core.tcp()
    master:settimeout(10)
    if not master:connect("/tmp/master.sock") then return false, "no answer" end
    master:send("reload\n")
    local said = master:receive("*a") or ""
    master:close()
    return said:find("Success=1", 1, true) ~= nil, said
end

local function renew()
    local answer = core.httpclient():get{ url = "http://127.0.0.1:5002/.well-known/jwks.json", timeout = 3000 }
    if answer.status ~= 200 then return end
    local keys = known(answer.body or "")
    if #keys == 0 then return end
    local map, changed = "any key\n", false
    for i, key in ipairs(keys) do
        local path = FOLDER .. "-" .. (i - 1) .. ".pem"
        map = map .. key.kid .. " " .. (i - 1) .. "\n"
        if read(path) ~= key.pem then
            write(path, key.pem)
            changed = true
        end
    end
    if read(MAP) ~= map then
        write(MAP, map)
        changed = true
    end
    return changed
end

core.register_task(function()
    local due = false
    while true do
        local well, changed = pcall(renew)
        if not well then core.log(core.warning, "the keys that verify tokens could not be fetched: " .. tostring(changed)) end
        due = due or (well and changed)
        if due then
            core.log(core.notice, "the keys that verify tokens changed: reloading")
            local done, said = reload()
            if done then return end -- the next worker goes on
            core.log(core.warning, "the reload was refused: " .. said)
        end
        core.sleep(due and 5 or (read(MAP) == "" and 1 or 5))
    end
end)
