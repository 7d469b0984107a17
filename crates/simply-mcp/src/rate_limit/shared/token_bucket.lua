-- A bucket that holds `limit` requests and refills evenly in `window` microseconds: the generic cell rate algorithm in
-- integers, as in token_bucket.rs. One key, a string: when the bucket is full again, in microseconds and a fraction of
-- one over the limit, and the limit and the window that this was counted in.
-- ARGV: limit, window, and the price of the request in the same two parts.
-- Returns: whether it passes, and in two parts what is owed afterwards.
local SLACK = 1000

local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local price, price_fraction = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_at, fraction, changed = now, 0, false

local stored = redis.call('GET', KEYS[1])
if stored then
    local at, part, old_limit, old_window = string.match(stored, '^(%d+):(%d+):(%d+):(%d+)$')
    if not at then
        return redis.error_reply('WRONGTYPE the key holds no bucket')
    end
    full_at, fraction = tonumber(at), tonumber(part)
    old_limit, old_window = tonumber(old_limit), tonumber(old_window)
    if full_at < now then
        full_at, fraction = now, 0
    end
    if old_limit ~= limit or old_window ~= window then
        -- Another allowance: what share of it is used up stays as it is, rounded up.
        local left = full_at - now
        if fraction > 0 then
            left = left + 1
        end
        if left > 0 then
            left = math.ceil(left * (window / old_window)) + 1
        end
        full_at, fraction, changed = now + left, 0, true
    end
    if full_at - now > window or (full_at - now == window and fraction > 0) then
        -- The clock went back: the bucket is empty, and nobody waits longer than for a whole one.
        full_at, fraction, changed = now + window, 0, true
    end
end

local next_at, next_fraction = full_at + price, fraction + price_fraction
if next_fraction >= limit then
    next_at, next_fraction = next_at + 1, next_fraction - limit
end
local owed = next_at - now
local admitted = owed < window or (owed == window and next_fraction == 0)
if admitted and price + price_fraction > 0 then
    full_at, fraction, changed = next_at, next_fraction, true
end

if changed then
    local bucket = string.format('%.0f:%.0f:%.0f:%.0f', full_at, fraction, limit, window)
    local lives = math.ceil((full_at - now) / 1000) + SLACK
    redis.call('SET', KEYS[1], bucket, 'PX', string.format('%.0f', lives))
end
return { admitted and 1 or 0, full_at - now, fraction }
