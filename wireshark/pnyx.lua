-- Wireshark and tshark show Pnyx's frames with this file: docs/wire.md, version 1. What a replica would drop is marked with its reason.
--
-- A frame does not say how many members the epoch has, and vectors have that many numbers. It is taken from the preference
-- pnyx.members, else from a Welcome that the capture holds, else from the first frame that fits one number only.
local VERSION, HEADER, HEAD, FRAME_MAX, MEMBERS_MAX = 1, 64, 16, 8972, 7
local MEMBER, REQUEST, REPLY, ECHO, ECHO_REPLY = 1, 2, 3, 4, 5
local NOP, SHORT, HAS_PAYLOAD, HAS_INIT, FAST = 1, 2, 4, 8, 16
local pnyx = Proto("pnyx", "Pnyx")
pnyx.prefs.members = Pref.uint("Members", 0, "How many members the epoch has, 1 to 7; 0: work it out")

-- ---- fields --------------------------------------------------------------------------------------------------
local kinds = { "member", "request", "reply", "echo", "echo reply" }
local phases = { [0] = "nothing", "PreAccepted", "Accepted", "Committed" }
local statuses = { [0] = "OK", "NO_SESSION", "MISMATCH", "STALE", "FULL", "BAD_COMMAND", "TOO_BIG", "REDIRECT" }
local pages = { [0] = "core", "drops", "shell", "frontier" }
local commands = { "UPDATE", "READ", "OPEN", "EXPIRE", "RECONFIG" }
local ops = { "GET", "PUT", "DELETE", "CAS", "INCR", "APPEND", "MGET", "MPUT" }
local codes = { [0] = "OK", "NOT_FOUND", "CAS_FAILED", "NOT_A_NUMBER", "OVERFLOW", "TOO_LARGE" }
local type_names = {} -- filled from the shapes below
local f = {}
local function field(name, kind, title, ...)
	f[name] = ProtoField[kind]("pnyx." .. name, title, ...)
end
field("magic", "string", "Magic")
field("version", "uint8", "Version")
field("kind", "uint8", "Kind", base.DEC, kinds)
field("sender", "uint8", "Sender", base.DEC, { [255] = "client" })
field("count", "uint8", "Messages")
field("crc", "uint32", "CRC32C", base.HEX)
for name, title in pairs { cluster = "Cluster", tag = "Tag", incarnation = "Incarnation", cookie = "Cookie",
	application = "Application's state", sessions = "Sessions' state", executed_set = "Executed set" } do
	field(name, "uint64", title, base.HEX)
end
for name, title in pairs { frame_seq = "Frame number", votes = "Durable votes", i = "Instance number", seq = "Sequence number",
	bal = "Ballot", abal = "Accepted ballot", last = "Last instance", highest = "Highest own instance", retry_ns = "Try again after (ns)",
	executed = "Executed", number = "Number", D = "Dependency", stable = "Stable", dep = "Dependency", idep = "Initial dependency",
	exec_prefix = "Executed prefix", known = "Known", command_seq = "Number in the session" } do
	field(name, "uint64", title)
end
for name, title in pairs { epoch = "Epoch", start = "Start" } do field(name, "uint32", title) end
field("config_hash", "uint32", "Configuration", base.HEX)
field("type", "uint8", "Type", base.DEC, type_names)
field("flags", "uint8", "Flags", base.HEX)
field("nop", "bool", "Nop", 8, nil, NOP)
field("short", "bool", "Short", 8, nil, SHORT)
field("has_payload", "bool", "Has payload", 8, nil, HAS_PAYLOAD)
field("has_init", "bool", "Has the initial value", 8, nil, HAS_INIT)
field("fast", "bool", "Fast path", 8, nil, FAST)
for name, title in pairs { len = "Length", frame_max = "Frame, bytes", port = "Port", command_max = "Command, bytes",
	result_max = "Read's result, bytes", kept_max = "Update's result, bytes", sessions_free = "Sessions free (hint)" } do
	field(name, "uint16", title)
end
for name, title in pairs { col = "Column", arg = "Argument", fq = "Designated peer", n = "Members", self = "Column of the sender",
	commands = "Commands" } do
	field(name, "uint8", title)
end
field("phase", "uint8", "Phase", base.DEC, phases)
field("status", "uint8", "Status", base.DEC, statuses)
field("page", "uint8", "Page", base.DEC, pages)
field("is_complete", "bool", "Complete")
field("ip", "ipv4", "Address")
field("uuid", "bytes", "UUID")
field("instance", "string", "Instance (column.number)")
field("session", "string", "Session (epoch.column.number)")
field("carried_by", "string", "Carried by instance (epoch.column.number)")
field("conflict", "string", "Conflict")
field("command", "uint8", "Command", base.DEC, commands)
field("op", "uint8", "Operation", base.DEC, ops)
field("code", "uint8", "Code", base.DEC, codes)
field("key", "string", "Key")
field("value", "string", "Value")
field("expect", "string", "Expected value")
field("bytes", "bytes", "Bytes")
field("members", "uint8", "Members of the epoch (worked out)")
field("drop", "string", "A replica drops this")
field("reply_in", "framenum", "Answered in", base.NONE, frametype.RESPONSE)
field("reply_to", "framenum", "Answer to", base.NONE, frametype.REQUEST)
field("resend_of", "framenum", "Sent again, first in", base.NONE, frametype.RETRANS_PREV)
field("time", "relative_time", "Round trip")
for _, one in pairs(f) do table.insert(pnyx.fields, one) end
local expert_drop = ProtoExpert.new("pnyx.expert.drop", "Not in order: a replica drops it", expert.group.MALFORMED, expert.severity.ERROR)
local expert_resend = ProtoExpert.new("pnyx.expert.resend", "Sent again", expert.group.SEQUENCE, expert.severity.NOTE)
pnyx.experts = { expert_drop, expert_resend }

-- ---- numbers in a frame; `s` is its bytes, `at` counts from 0 ----------------------------------------------------
local function u8(s, at) return s:byte(at + 1) end
local function u16(s, at) local a, b = s:byte(at + 1, at + 2) return a + b * 256 end
local function u32(s, at) local a, b, c, d = s:byte(at + 1, at + 4) return a + b * 256 + c * 65536 + d * 16777216 end
local function is_zero(s, at, len)
	for k = at + 1, at + len do
		if s:byte(k) ~= 0 then return false end
	end
	return true
end
-- 64 bits are more than a Lua number holds exactly: they are compared by halves.
local function is_less(s, a, b)
	local high, other = u32(s, a + 4), u32(s, b + 4)
	return high < other or (high == other and u32(s, a) < u32(s, b))
end
local function is_number(s, at) return u32(s, at + 4) < 2147483648 end
local function is_above_0(s, at) return not is_zero(s, at, 8) end

local crc32c
do
	local bits = bit32 or bit
	local xor, shift, mask, t = bits.bxor, bits.rshift, bits.band, {}
	for k = 0, 255 do
		local c = k
		for _ = 1, 8 do c = mask(c, 1) == 1 and xor(shift(c, 1), 0x82f63b78) or shift(c, 1) end
		t[k] = c
	end
	-- Of a whole frame, as if its crc field were 0.
	function crc32c(s)
		local c = 0xffffffff
		for k = 1, #s do
			c = xor(t[mask(xor(c, k > 8 and k <= 12 and 0 or s:byte(k)), 255)], shift(c, 8))
		end
		return xor(c, 0xffffffff) % 4294967296
	end
end

-- ---- what each type looks like: the table of docs/wire.md ---------------------------------------------------------
local shapes = {}
local function shape(type, name, kind, fixed, more)
	more.name, more.kind, more.fixed = name, kind, fixed
	more.vectors, more.deps, more.flags, more.fields = more.vectors or {}, more.deps or 0, more.flags or 0, more.fields or {}
	more.about = kind ~= MEMBER and "cookie" or type < 16 and "instance" or "none"
	shapes[type], type_names[type] = more, name
end
local BAL, VALUE, HELLO = { { 0, 8, "bal" } }, { { 0, 8, "bal" }, { 8, 8, "seq" } }, { { 0, 8, "votes" }, { 8, 8, "highest" }, { 16, 4, "start" } }
local WELCOME = { { 0, 1, "n" }, { 1, 1, "self" }, { 2, 2, "frame_max" }, { 4, 4, "epoch" }, { 8, 4, "config_hash" },
	{ 12, 2, "command_max" }, { 14, 2, "result_max" }, { 16, 2, "kept_max" }, { 18, 2, "sessions_free" } }
shape(1, "PreAccept", MEMBER, 8, { vectors = { "D", "stable" }, deps = 1, arg = "fq", tail = "payload", seq = 0, fields = { { 0, 8, "seq" } } })
shape(2, "PreAcceptOK", MEMBER, 0, { vectors = { "D" }, deps = 1 })
shape(3, "Accept", MEMBER, 16, { vectors = { "D" }, deps = 1, flags = NOP + SHORT, tail = "by flags", bal = "any", seq = 8, fields = VALUE })
shape(4, "AcceptOK", MEMBER, 8, { bal = "any", fields = BAL })
shape(5, "Commit", MEMBER, 16, { vectors = { "D" }, deps = 1, flags = NOP + SHORT, tail = "by flags", bal = "any", seq = 8, fields = VALUE })
shape(6, "Nack", MEMBER, 8, { bal = "above 0", fields = BAL })
shape(7, "Recover", MEMBER, 8, { bal = "above 0", fields = BAL })
shape(8, "RecoverOK", MEMBER, 32, { vectors = { "dep", "idep" }, deps = 2, flags = NOP + HAS_PAYLOAD + HAS_INIT, arg = "fq", tail = "if has",
	bal = "above 0", seq = 16, fields = { { 0, 8, "bal" }, { 8, 8, "abal" }, { 16, 8, "seq" }, { 24, 1, "phase" } } })
shape(9, "Validate", MEMBER, 16, { vectors = { "D" }, deps = 1, tail = "payload", bal = "above 0", seq = 8, fields = VALUE })
shape(10, "ValidateOK", MEMBER, 8, { flags = SHORT, tail = "conflicts", bal = "above 0", fields = BAL })
shape(11, "FetchCommit", MEMBER, 8, { fields = { { 0, 8, "last" } } })
shape(12, "Pending", MEMBER, 8, { fields = { { 0, 8, "last" } } })
shape(13, "Void", MEMBER, 8, { fields = { { 0, 8, "last" } } })
-- The shape of a Status has no dependencies, only prefixes.
shape(16, "Status", MEMBER, 0, { vectors = { "exec_prefix", "known", "stable" } })
shape(17, "Hello", MEMBER, 24, { fields = HELLO })
shape(18, "HelloOK", MEMBER, 24, { fields = HELLO })
shape(19, "Ready", MEMBER, 24, { fields = { { 0, 16, "uuid" }, { 16, 4, "epoch" } } })
shape(20, "EpochClosed", MEMBER, 24, { tail = "members", fields = WELCOME })
shape(32, "C_Hello", REQUEST, 0, {})
shape(33, "C_Request", REQUEST, 0, { tail = "command" })
shape(34, "C_Stats", REQUEST, 0, { arg = "page" })
shape(35, "C_Digest", REQUEST, 0, {})
shape(48, "C_Welcome", REPLY, 24, { tail = "members", fields = WELCOME })
shape(49, "C_Reply", REPLY, 24, { flags = FAST, tail = "result", fields = { { 0, 1, "status" } } })
shape(50, "C_Busy", REPLY, 8, { fields = { { 0, 8, "retry_ns" } } })
shape(51, "C_WrongEpoch", REPLY, 24, { tail = "members", fields = WELCOME })
shape(52, "C_StatsReply", REPLY, 0, { arg = "page", tail = "words" })
shape(53, "C_DigestReply", REPLY, 40, { tail = "own vector", fields = { { 0, 1, "is_complete" }, { 1, 1, "n" }, { 8, 8, "application" },
	{ 16, 8, "sessions" }, { 24, 8, "executed_set" }, { 32, 8, "executed" } } })

-- ---- the checks of a replica: nil when all is in order, else the reason for the drop --------------------------------
local function has(flags, flag) return math.floor(flags / flag) % 2 == 1 end
local function is_subset(flags, allowed)
	for _, flag in ipairs { NOP, SHORT, HAS_PAYLOAD, HAS_INIT, FAST, 32, 64, 128 } do
		if has(flags, flag) and not has(allowed, flag) then return false end
	end
	return true
end

-- The members that a RECONFIG names: 1 to 7, no uuid and no address twice.
local function members_are_fine(s, at, len)
	local n = len >= 8 and u8(s, at + 4) or 0
	if n < 1 or n > MEMBERS_MAX or len ~= 8 + 48 * n or u32(s, at) == 0 or u8(s, at + 7) ~= 0 then return false end
	local seen = {}
	for k = at + 8, at + len - 1, 48 do
		local uuid, address = "u" .. s:sub(k + 1, k + 16), "a" .. s:sub(k + 25, k + 30)
		if is_zero(s, k, 16) or seen[uuid] or seen[address] then return false end
		seen[uuid], seen[address] = true, true
	end
	return true
end

-- The length of a command in order, else nil. There are `room` bytes.
local function command_length(s, at, room)
	if room < 32 then return nil end
	local len, kind = u16(s, at), u8(s, at + 2)
	if len < 32 or len > room or not is_zero(s, at + 3, 5) then return nil end
	local is_session = is_above_0(s, at + 8) and is_number(s, at + 8) and u32(s, at + 16) >= 1 and u8(s, at + 20) < MEMBERS_MAX and
		is_zero(s, at + 21, 3)
	local is_bare = is_zero(s, at + 8, 24)
	local is_fine = (kind == 1 and is_session and is_above_0(s, at + 24)) or (kind == 2 and is_bare) or (kind == 5 and is_bare and members_are_fine(s, at + 32, len - 32)) or
		(kind == 3 and len == 32 and is_bare) or (kind == 4 and len == 32 and is_session)
	return is_fine and len or nil
end

local function payload_is_fine(s, at, len)
	if len < 8 or u16(s, at) ~= len or not is_zero(s, at + 3, 5) then return false end
	local count, stop = u8(s, at + 2), at + len
	if count < 1 or count > 64 then return false end
	at = at + 8
	for _ = 1, count do
		local one = command_length(s, at, stop - at)
		local is_alone = u8(s, at + 2) == 3 or u8(s, at + 2) == 5
		if not one or (is_alone and count ~= 1) then return false end
		at = at + one
	end
	return at == stop
end

local function conflicts_are_fine(s, at, len, n)
	if len % 16 ~= 0 then return false end
	for k = at, at + len - 1, 16 do
		if not (is_above_0(s, k) and is_number(s, k) and u8(s, k + 8) < n and u8(s, k + 9) <= 1 and is_zero(s, k + 10, 6)) then return false end
	end
	return true
end

local function members_are_fine(s, at, len, count)
	if len ~= 24 * count then return false end
	for k = at, at + len - 1, 24 do
		if not is_zero(s, k + 22, 2) then return false end
	end
	return true
end

local function fixed_is_fine(s, type, at, m)
	local flags = u8(s, m + 1)
	if type == 8 then
		local phase, nop, payload, init = u8(s, at + 24), has(flags, NOP), has(flags, HAS_PAYLOAD), has(flags, HAS_INIT)
		if not is_zero(s, at + 25, 7) or is_less(s, at, at + 8) or (init and not payload) then return false end
		return (phase == 0 and not nop) or (phase == 1 and not nop and init) or ((phase == 2 or phase == 3) and (nop or payload))
	elseif type >= 11 and type <= 13 then
		return not is_less(s, at, m + 8) and is_number(s, at)
	elseif type == 19 then
		return is_zero(s, at + 20, 4)
	elseif type == 20 or type == 48 or type == 51 then
		local n, frame_max = u8(s, at), u16(s, at + 2)
		return n >= 1 and n <= MEMBERS_MAX and u8(s, at + 1) < n and frame_max >= 1024 and frame_max <= FRAME_MAX and is_zero(s, at + 20, 4)
	elseif type == 49 then
		return u8(s, at) <= 7 and is_zero(s, at + 1, 7) and is_number(s, at + 8) and u8(s, at + 20) < MEMBERS_MAX and is_zero(s, at + 21, 3)
	elseif type == 53 then
		return u8(s, at) <= 1 and u8(s, at + 1) >= 1 and u8(s, at + 1) <= MEMBERS_MAX and is_zero(s, at + 2, 6)
	end
	return true
end

local function check_tail(s, p, m, fixed, at, len, n)
	local flags, tail, carries = u8(s, m + 1), p.tail, nil
	if tail == "payload" then carries = true
	elseif tail == "by flags" then
		if has(flags, NOP) and has(flags, SHORT) then return "malformed" end
		carries = not has(flags, NOP) and not has(flags, SHORT)
	elseif tail == "if has" then carries = has(flags, HAS_PAYLOAD) end
	if carries ~= nil then
		if (len > 0) ~= carries then return "malformed" end
		return carries and not payload_is_fine(s, at, len) and "payload" or nil
	end
	if tail == "command" then return command_length(s, at, len) ~= len and "payload" or nil end
	local is_fine
	if tail == nil then is_fine = len == 0
	elseif tail == "result" then is_fine = true
	elseif tail == "words" then is_fine = len % 8 == 0
	elseif tail == "conflicts" then is_fine = conflicts_are_fine(s, at, len, n)
	elseif tail == "members" then is_fine = members_are_fine(s, at, len, u8(s, fixed))
	elseif tail == "own vector" then is_fine = len == 8 * u8(s, fixed + 1) end
	return not is_fine and "malformed" or nil
end

-- The message at `m`, whose length is known to fit the frame.
local function check_message(s, m, kind, n)
	local type, flags, len, p = u8(s, m), u8(s, m + 1), u16(s, m + 2), shapes[u8(s, m)]
	if not p or p.kind ~= kind then return "type" end
	local fixed, head = m + HEAD, HEAD + p.fixed + #p.vectors * 8 * n
	if len < head then return "short" end
	local arguments = p.arg == "fq" and n or p.arg == "page" and 4 or 1
	if not is_zero(s, m + 6, 2) or not is_subset(flags, p.flags) or u8(s, m + 4) >= (p.about == "instance" and n or 1) or
		u8(s, m + 5) >= arguments or (p.about == "none" and is_above_0(s, m + 8)) or
		(p.about == "instance" and not (is_above_0(s, m + 8) and is_number(s, m + 8))) then
		return "malformed"
	end
	if p.bal and (u32(s, fixed + 4) >= 256 or (p.bal == "above 0" and is_zero(s, fixed, 8))) then return "ballot" end
	if p.seq and not is_number(s, fixed + p.seq) then return "malformed" end
	for w = 0, #p.vectors * n - 1 do
		if not is_number(s, fixed + p.fixed + 8 * w) then return "malformed" end
	end
	for v = 0, p.deps - 1 do
		if not is_less(s, fixed + p.fixed + 8 * (v * n + u8(s, m + 4)), m + 8) then return "malformed" end
	end
	if not fixed_is_fine(s, type, fixed, m) then return "malformed" end
	return check_tail(s, p, m, fixed, m + head, len - head, n)
end

-- The frame without its messages' insides, in the order in which a replica looks; on success where each message begins.
local function check_frame(s)
	if #s < HEADER or #s > FRAME_MAX then return "short" end
	if s:sub(1, 4) ~= "PNYX" then return "magic" end
	if u8(s, 4) ~= VERSION then return "version" end
	if u32(s, 8) ~= crc32c(s) then return "crc" end
	if is_above_0(s, 56) then return "malformed" end
	local kind, count, at, starts = u8(s, 5), u8(s, 7), HEADER, {}
	if kind == ECHO or kind == ECHO_REPLY then return count ~= 0 and "short" or nil, starts end
	if not kinds[kind] then return "kind" end
	if count == 0 then return "short" end
	for k = 1, count do
		if #s - at < HEAD or u16(s, at + 2) < HEAD or u16(s, at + 2) > #s - at then return "short" end
		starts[k], at = at, at + u16(s, at + 2)
	end
	return at ~= #s and "short" or nil, starts
end

-- ---- how many members: known by cluster and epoch ---------------------------------------------------------------
local members_of = {}
local function members(s, kind, starts)
	if pnyx.prefs.members >= 1 and pnyx.prefs.members <= MEMBERS_MAX then return pnyx.prefs.members end
	local key = s:sub(13, 24)
	if kind == REPLY then
		local type = u8(s, starts[1])
		if (type == 48 or type == 51) and not check_message(s, starts[1], kind, 1) then members_of[key] = u8(s, starts[1] + HEAD) end
	end
	if members_of[key] or kind ~= MEMBER then return members_of[key] or MEMBERS_MAX end
	local fits, count = MEMBERS_MAX, 0
	for n = MEMBERS_MAX, 1, -1 do
		local is_fine = true
		for _, m in ipairs(starts) do is_fine = is_fine and not check_message(s, m, kind, n) end
		if is_fine then fits, count = n, count + 1 end
	end
	if count == 1 then members_of[key] = fits end
	return fits
end

-- ---- questions and answers --------------------------------------------------------------------------------------
local asked, found = {}, {} -- by whom and what; by frame and message
function pnyx.init() members_of, asked, found = {}, {}, {} end

local answers = { [2] = 1, [4] = 3, [8] = 7, [10] = 9, [18] = 17 } -- of members: what each answers
local asks = { [1] = true, [3] = true, [7] = true, [9] = true, [17] = true }
-- The question that a message is or answers, as a key; nil: it is neither.
local function question(s, m, kind, pinfo)
	local from, to = tostring(pinfo.src) .. " " .. pinfo.src_port, tostring(pinfo.dst) .. " " .. pinfo.dst_port
	local is_answer, what = kind == REPLY or kind == ECHO_REPLY
	if kind == ECHO or kind == ECHO_REPLY then what = s:sub(41, 48)
	elseif kind ~= MEMBER then what = s:sub(m + 9, m + 16)
	else
		local type = u8(s, m)
		is_answer = answers[type] ~= nil
		if not is_answer and not asks[type] then return nil end
		-- A ballot is part of the question, where there is one: column, number, ballot.
		what = (answers[type] or type) .. s:sub(m + 5, m + 5) .. s:sub(m + 9, m + 16) .. (shapes[type].bal and s:sub(m + 17, m + 24) or "")
	end
	return (is_answer and to .. from or from .. to) .. (kind == MEMBER and "m" or kind >= ECHO and "e" or "c") .. what, is_answer
end

local function match(s, m, kind, pinfo, index)
	local id = pinfo.number * 256 + index
	if pinfo.visited then return found[id] end
	local key, is_answer = question(s, m, kind, pinfo)
	if not key then return nil end
	local first, mine = asked[key], {}
	if is_answer and first then
		mine = { to = first.number, time = pinfo.rel_ts - first.at }
		if not first.mine.reply then first.mine.reply, first.mine.time = pinfo.number, mine.time end
	elseif not is_answer and first and not first.mine.reply then
		mine.again = first.number
	elseif not is_answer then
		asked[key] = { number = pinfo.number, at = pinfo.rel_ts, mine = mine }
	end
	found[id] = mine
	return mine
end

local function show_match(mine, tree)
	if not mine then return end
	if mine.reply then tree:add(f.reply_in, mine.reply):set_generated() end
	if mine.to then tree:add(f.reply_to, mine.to):set_generated() end
	if mine.again then
		tree:add(f.resend_of, mine.again):set_generated()
		tree:add_proto_expert_info(expert_resend)
	end
	if mine.time then
		local seconds = math.floor(mine.time)
		tree:add(f.time, NSTime.new(seconds, math.floor((mine.time - seconds) * 1e9 + 0.5))):set_generated()
	end
end

-- ---- showing ------------------------------------------------------------------------------------------------------
local function text(tvb, at, len)
	if len == 0 then return "" end
	return (tvb:raw(at, len):gsub("[^\32-\126]", function(c) return ("\\x%02x"):format(c:byte()) end))
end
local function add(tree, name, tvb, at, len) return tree:add_le(f[name], tvb(at, len)) end
local function add_text(tree, name, tvb, at, len)
	return len > 0 and tree:add(f[name], tvb(at, len), text(tvb, at, len)) or tree:add(f[name], "")
end
local function number(tvb, at) return tostring(tvb(at, 8):le_uint64()) end
local function session(tvb, at) return ("%d.%d.%s"):format(tvb(at + 8, 4):le_uint(), tvb(at + 12, 1):uint(), number(tvb, at)) end
local function vector(tree, name, tvb, at, n)
	local list = {}
	for k = 0, n - 1 do
		list[k + 1] = number(tvb, at + 8 * k)
		add(tree, name, tvb, at + 8 * k, 8):prepend_text(("[%d] "):format(k))
	end
	return table.concat(list, ",")
end

-- A command of the key-value store; bytes that are none are shown as they are. Returns a short text.
local function show_kv(tvb, at, len, tree)
	local s, stop = tvb:raw(at, len), len
	local op, entries, here = #s >= 4 and ops[u8(s, 0)], {}, 4
	for _ = 1, op and u8(s, 2) or 0 do
		if here + 8 > stop then op = nil break end
		local key, value, expect = u8(s, here), u16(s, here + 2), u16(s, here + 4)
		table.insert(entries, { here + 8, key, value, expect })
		here = here + 8 + key + value + expect
	end
	if not op or here ~= stop then
		add(tree, "bytes", tvb, at, len)
		return "bytes"
	end
	add(tree, "op", tvb, at, 1)
	for _, e in ipairs(entries) do
		add_text(tree, "key", tvb, at + e[1], e[2])
		if e[3] > 0 and op == "INCR" then add(tree, "number", tvb, at + e[1] + e[2], e[3])
		elseif e[3] > 0 then add_text(tree, "value", tvb, at + e[1] + e[2], e[3]) end
		if e[4] > 0 then add_text(tree, "expect", tvb, at + e[1] + e[2] + e[3], e[4]) end
	end
	return #entries == 1 and op .. " " .. text(tvb, at + entries[1][1], entries[1][2]) or op .. " of " .. #entries
end

local function show_result(tvb, at, len, tree)
	local s = tvb:raw(at, len)
	if #s < 16 or not codes[u8(s, 0)] or not ops[u8(s, 1)] then return add(tree, "bytes", tvb, at, len) end
	add(tree, "code", tvb, at, 1)
	add(tree, "op", tvb, at + 1, 1)
	if u8(s, 1) == 5 or u8(s, 1) == 6 then add(tree, "number", tvb, at + 8, 8) end
	local here = 16
	for _ = 1, u8(s, 2) do
		if here + 4 > #s or here + 4 + u16(s, here + 2) > #s then return end
		add_text(tree, "value", tvb, at + here + 4, u16(s, here + 2))
		here = here + 4 + u16(s, here + 2)
	end
end

local function show_command(tvb, at, tree)
	local len, kind = tvb(at, 2):le_uint(), tvb(at + 2, 1):uint()
	local branch = tree:add(pnyx, tvb(at, len), "Command")
	local said = commands[kind]
	add(branch, "len", tvb, at, 2)
	add(branch, "command", tvb, at + 2, 1)
	if kind == 1 or kind == 4 then
		branch:add(f.session, tvb(at + 8, 16), session(tvb, at + 8))
		add(branch, "command_seq", tvb, at + 24, 8)
	end
	if len > 32 then said = show_kv(tvb, at + 32, len - 32, branch) end
	branch:append_text(": " .. said)
	return said, len
end

local function show_payload(tvb, at, tree)
	local said, first = {}, at
	local branch = tree:add(pnyx, tvb(at, tvb(at, 2):le_uint()), "Payload")
	add(branch, "commands", tvb, at + 2, 1)
	at = at + 8
	for k = 1, tvb(first + 2, 1):uint() do
		local len
		said[k], len = show_command(tvb, at, branch)
		at = at + len
	end
	return #said > 3 and said[1] .. ", ... (" .. #said .. " commands)" or table.concat(said, ", ")
end

local function show_tail(tvb, at, stop, p, fixed, tree)
	if at >= stop then return nil end
	if p.tail == "command" then return (show_command(tvb, at, tree)) end
	if p.tail == "payload" or p.tail == "by flags" or p.tail == "if has" then return show_payload(tvb, at, tree) end
	if p.tail == "result" then return show_result(tvb, at, stop - at, tree) and nil end
	if p.tail == "own vector" then vector(tree, "exec_prefix", tvb, at, tvb(fixed + 1, 1):uint()) return nil end
	if p.tail == "conflicts" then
		for k = at, stop - 1, 16 do
			tree:add(f.conflict, tvb(k, 16), ("%d.%s%s"):format(tvb(k + 8, 1):uint(), number(tvb, k), tvb(k + 9, 1):uint() == 1 and " committed" or ""))
		end
	elseif p.tail == "members" then
		for k = at, stop - 1, 24 do
			add(tree, "uuid", tvb, k, 16)
			tree:add(f.ip, tvb(k + 16, 4))
			add(tree, "port", tvb, k + 20, 2)
		end
	else
		add(tree, "bytes", tvb, at, stop - at)
	end
	return nil
end

-- A message in good order. Returns what the summary says of it.
local function show_message(tvb, m, n, tree)
	local type, len, p = tvb(m, 1):uint(), tvb(m + 2, 2):le_uint(), shapes[tvb(m, 1):uint()]
	local said, at = { p.name }, m + HEAD
	if p.about == "instance" then
		said[2] = ("%d.%s"):format(tvb(m + 4, 1):uint(), number(tvb, m + 8))
		tree:add(f.instance, tvb(m + 4, 12), said[2])
	end
	for _, one in ipairs(p.fields) do
		add(tree, one[3], tvb, at + one[1], one[2])
		if one[3] == "seq" or one[3] == "bal" then table.insert(said, one[3] .. " " .. number(tvb, at + one[1])) end
	end
	if type == 49 then
		tree:add(f.carried_by, tvb(at + 8, 16), session(tvb, at + 8))
		table.insert(said, statuses[tvb(at, 1):uint()])
	end
	at = at + p.fixed
	for _, name in ipairs(p.vectors) do
		local list = vector(tree, name, tvb, at, n)
		if name == "D" or name == "dep" then table.insert(said, name .. " " .. list) end
		at = at + 8 * n
	end
	local more = show_tail(tvb, at, m + len, p, m + HEAD, tree)
	if more then table.insert(said, "[" .. more .. "]") end
	return table.concat(said, " ")
end

local function show_head(tvb, m, tree)
	local type, p = tvb(m, 1):uint(), shapes[tvb(m, 1):uint()]
	local about, flags = p and p.about, tree:add(f.flags, tvb(m + 1, 1))
	add(tree, "type", tvb, m, 1)
	for flag, name in pairs { [NOP] = "nop", [SHORT] = "short", [HAS_PAYLOAD] = "has_payload", [HAS_INIT] = "has_init", [FAST] = "fast" } do
		if p and has(p.flags, flag) then flags:add(f[name], tvb(m + 1, 1)) end
	end
	add(tree, "len", tvb, m + 2, 2)
	if about == "instance" then add(tree, "col", tvb, m + 4, 1) end
	add(tree, p and p.arg or "arg", tvb, m + 5, 1)
	if about ~= "none" then add(tree, about == "cookie" and "cookie" or "i", tvb, m + 8, 8) end
end

local function mark(tree, reason)
	tree:add(f.drop, reason):set_generated()
	tree:add_proto_expert_info(expert_drop, "a replica drops it: " .. reason)
end

local HEADER_FIELDS = { { 4, 1, "version" }, { 5, 1, "kind" }, { 6, 1, "sender" }, { 7, 1, "count" }, { 8, 4, "crc" }, { 12, 4, "epoch" },
	{ 16, 8, "cluster" }, { 24, 4, "config_hash" }, { 28, 4, "start" }, { 32, 8, "incarnation" }, { 40, 8, "frame_seq" }, { 48, 8, "votes" },
	{ 56, 8, "tag" } }

function pnyx.dissector(tvb, pinfo, tree)
	local s = tvb:raw()
	local reason, starts = check_frame(s)
	local top = tree:add(pnyx, tvb())
	pinfo.cols.protocol = "Pnyx"
	if #s >= HEADER then
		add_text(top, "magic", tvb, 0, 4)
		for _, one in ipairs(HEADER_FIELDS) do add(top, one[3], tvb, one[1], one[2]) end
	end
	if reason then
		mark(top, reason)
		pinfo.cols.info = "Dropped by a replica: " .. reason
		return #s
	end
	local kind, said = u8(s, 5), {}
	if kind == ECHO or kind == ECHO_REPLY then
		show_match(match(s, HEADER, kind, pinfo, 0), top)
		pinfo.cols.info = kind == ECHO and "Echo" or "Echo reply"
		return #s
	end
	local n = members(s, kind, starts)
	if kind == MEMBER then top:add(f.members, n):set_generated() end
	for k, m in ipairs(starts) do
		local branch, wrong = top:add(pnyx, tvb(m, u16(s, m + 2)), type_names[u8(s, m)] or "Unknown"), check_message(s, m, kind, n)
		show_head(tvb, m, branch)
		if wrong then
			mark(branch, wrong)
			said[k] = (type_names[u8(s, m)] or "Unknown") .. " (dropped: " .. wrong .. ")"
		else
			said[k] = show_message(tvb, m, n, branch)
			show_match(match(s, m, kind, pinfo, k), branch)
			branch:append_text(said[k]:sub(#type_names[u8(s, m)] + 1))
		end
	end
	local sender = u8(s, 6) ~= 255 and ("r%d: "):format(u8(s, 6)) or ""
	pinfo.cols.info = sender .. table.concat(said, "; ", 1, math.min(#said, 4)) .. (#said > 4 and ("; ... (%d messages)"):format(#said) or "")
	return #s
end

DissectorTable.get("udp.port"):add(7787, pnyx)
-- On other ports: by the magic number.
pnyx:register_heuristic("udp", function(tvb, pinfo, tree)
	if tvb:len() < HEADER or tvb:raw(0, 4) ~= "PNYX" then return false end
	pnyx.dissector(tvb, pinfo, tree)
	return true
end)
