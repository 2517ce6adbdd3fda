-- A version is given up: without its positions no step, move or swap can touch it any more, so its keys may go one by one.
-- KEYS current pos   ARGV version
if redis.call('GET', KEYS[1]) == ARGV[1] then return 'refused' end
redis.call('UNLINK', KEYS[2])
return 'ok'
