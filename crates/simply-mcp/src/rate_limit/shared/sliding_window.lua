-- At most `limit` requests in any `window` microseconds, as in sliding_window.rs. One key, a string: how long cells are
-- kept, and then for each cell the time of its latest request and how many there were. Up to a limit of CELLS each
-- request has a cell of its own; beyond, those of the same part of a window share one and count until the latest goes.
-- ARGV: limit, window, and what the request costs.
-- Returns: whether it passes, how many count afterwards, when none does, and when this request would pass.
local SLACK = 1000
local CELLS = 64
local MOST_CELLS = CELLS + 2

local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept_for, times, counts, changed = window, {}, {}, false

local stored = redis.call('GET', KEYS[1])
if stored then
    local state = cmsgpack.unpack(stored)
    if type(state) ~= 'table' or #state % 2 == 0 or #state < 3 then
        return redis.error_reply('WRONGTYPE the key holds no window')
    end
    -- The clock went back: no time is known to have passed since the latest request.
    local back = math.max(state[#state - 1] - now, 0)
    changed = back > 0
    -- A shorter window must not make forget what a longer one still counts.
    local longest = math.max(state[1], window)
    for at = 2, #state, 2 do
        local latest = state[at] - back
        if latest + longest >= now then
            times[#times + 1] = latest
            counts[#counts + 1] = state[at + 1]
            kept_for = longest
            changed = changed or longest > state[1]
        end
    end
end

-- Both ends count: two requests that are one window apart are in one window.
local function is_counted(cell)
    return times[cell] + window >= now
end

local function leaves_in(cell)
    return math.max(times[cell] + window + 1 - now, 0)
end

local used = 0
for cell = 1, #times do
    if is_counted(cell) then
        used = used + counts[cell]
    end
end

local admitted = used + cost <= limit
local wait = 0
if not admitted then
    local excess = used + cost - limit
    for cell = 1, #times do
        if is_counted(cell) and excess > 0 then
            excess = excess - counts[cell]
            wait = leaves_in(cell)
        end
    end
elseif cost > 0 then
    local newest = #times
    local part = math.ceil(window / CELLS)
    if
        newest > 0
        and (
            times[newest] == now
            or (limit > CELLS and math.floor(times[newest] / part) == math.floor(now / part))
        )
    then
        times[newest], counts[newest] = now, counts[newest] + cost
    else
        if newest >= MOST_CELLS then
            counts[2] = counts[2] + counts[1]
            table.remove(times, 1)
            table.remove(counts, 1)
        end
        times[#times + 1], counts[#counts + 1] = now, cost
    end
    used, changed = used + cost, true
end

if changed and #times > 0 then
    local state = { kept_for }
    for cell = 1, #times do
        state[#state + 1] = times[cell]
        state[#state + 1] = counts[cell]
    end
    local lives = math.ceil((times[#times] + kept_for - now) / 1000) + SLACK
    redis.call('SET', KEYS[1], cmsgpack.pack(state), 'PX', string.format('%.0f', lives))
end
local reset = #times > 0 and leaves_in(#times) or 0
return { admitted and 1 or 0, used, reset, wait }
