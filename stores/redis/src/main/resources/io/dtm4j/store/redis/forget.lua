-- Removes from the index sets what has no record any more.
--
-- KEYS: the five index sets of a shard; then the records. ARGV: their gids.
local count = 0
for i = 6, #KEYS do
  if redis.call('exists', KEYS[i]) == 0 then
    for j = 1, 5 do
      redis.call('zrem', KEYS[j], ARGV[i - 5])
    end
    count = count + 1
  end
end
return count
