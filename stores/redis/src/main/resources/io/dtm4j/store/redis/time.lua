-- The clock of the server that has KEYS[1], which is the same for all who ask.
return redis.call('time')
