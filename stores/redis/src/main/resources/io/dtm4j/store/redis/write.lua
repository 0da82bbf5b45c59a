-- Compares and sets records. Each is written as a whole when it still has the head that is expected
-- of it, else left alone. Answers the places, from 1, of those that were left alone.
--
-- Where something else lies at the key of an index set it ends with that error: records before that
-- one are written, the record itself is not, and is due as it was.
--
-- KEYS: the index sets, five of each shard (due, open, all, ended, failed); then the records.
-- ARGV: how many index sets there are; then of each record
--   how many keys stand before its index sets, its gid, the head expected ('' when there is none),
--   how many arguments its fields take (-1: it is deleted), its expiry in ms ('': as it is, '-': none),
--   five scores ('': as it is, '-': removed), the fields with their values.
local sets = tonumber(ARGV[1])
local missed = {}
local at = 2
for i = sets + 1, #KEYS do
  local key = KEYS[i]
  local fields = tonumber(ARGV[at + 3])
  -- Where something else lies at the key the error is what is found, and no head.
  if (redis.pcall('hget', key, 'h') or '') ~= ARGV[at + 2] then
    missed[#missed + 1] = i - sets
  else
    local first = tonumber(ARGV[at])
    local gid = ARGV[at + 1]
    for j = 1, 5 do
      local score = ARGV[at + 4 + j]
      if score ~= '' and score ~= '-' then
        redis.call('zadd', KEYS[first + j], score, gid)
      end
    end
    for j = 5, 1, -1 do
      if ARGV[at + 4 + j] == '-' then
        redis.call('zrem', KEYS[first + j], gid)
      end
    end
    if fields < 0 then
      redis.call('del', key)
    elseif fields > 0 then
      redis.call('hset', key, unpack(ARGV, at + 10, at + 9 + fields))
    end
    local expiry = ARGV[at + 4]
    if expiry == '-' then
      redis.call('persist', key)
    elseif expiry ~= '' then
      redis.call('pexpire', key, expiry)
    end
  end
  at = at + 10 + math.max(fields, 0)
end
return missed
