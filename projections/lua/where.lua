-- KEYS current   ARGV prefix   -> pointer and positions, in one step
local version = redis.call('GET', KEYS[1]) or ''
if version == '' then return {'', {}} end
return {version, redis.call('HGETALL', ARGV[1] .. version .. ':' .. POS)}
