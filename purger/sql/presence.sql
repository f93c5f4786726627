-- Who has signed within the last day, the latest first; the seconds since by the clock that signed.
SELECT host, pid, version, since, seen_at, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) / 1e6
FROM purgers
WHERE seen_at > UTC_TIMESTAMP(3) - INTERVAL 1 DAY
ORDER BY seen_at DESC, id
