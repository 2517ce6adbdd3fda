-- A version that nobody reads yet.   KEYS versions pos   ARGV version then (partition position)*
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1])
return 'ok'
