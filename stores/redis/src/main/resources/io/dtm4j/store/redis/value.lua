-- Compares and sets a value beside the transactions. Answers 1 when it was set, else 0.
--
-- KEYS: the names in their order, the values by name.
-- ARGV: the name; what the value begins with ('': there is none, '*': whatever it is); the new value
-- ('': it is deleted).
local old = redis.call('hget', KEYS[2], ARGV[1])
local expected = ARGV[2]
if expected == '' then
  if old then
    return 0
  end
elseif not old or (expected ~= '*' and string.sub(old, 1, #expected) ~= expected) then
  return 0
end
if ARGV[3] == '' then
  redis.call('zrem', KEYS[1], ARGV[1])
  redis.call('hdel', KEYS[2], ARGV[1])
else
  redis.call('zadd', KEYS[1], 0, ARGV[1])
  redis.call('hset', KEYS[2], ARGV[1], ARGV[3])
end
return 1
