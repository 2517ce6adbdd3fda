-- The builder of a version is alive.   KEYS versions   ARGV version
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'refused' end
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1])
return 'ok'
