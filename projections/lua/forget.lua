-- Readers are told that the boards are being rebuilt.   KEYS current pos   ARGV version
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'refused' end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 'ok'
