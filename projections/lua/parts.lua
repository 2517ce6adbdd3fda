-- A group of units, and what each partition says of some of them, in one step: these parts are those of this tag.
-- KEYS own parts reaches   ARGV units   -> {own marks, parts, numbers of reaches that they name, these reaches}
local texts, numbers, seen = read(KEYS[2], ARGV), {}, {}
local function need(number)
  if not seen[number] then
    seen[number] = true
    numbers[#numbers + 1] = number
  end
end
for i = 1, #ARGV do
  local text = texts[i]
  if text and string.byte(text) == SEVERAL then
    for number in string.gmatch(text, '%d+ (%d+) %S+ %S+ %S+ %S+') do need(number) end
  elseif text then
    need(string.match(text, '^%d+'))
  end
end
return {redis.call('HGETALL', KEYS[1]), texts, numbers, read(KEYS[3], numbers)}
