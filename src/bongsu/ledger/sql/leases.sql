-- free --
-- Whether the lease may be taken, by the database's clock; the row stays locked until the taker is done
SELECT %(force)s OR renewed_at IS NULL
       OR renewed_at < clock_timestamp() - make_interval(secs => %(seconds)s) AS free
  FROM lease_renewals
 WHERE name = %(name)s
   FOR UPDATE;

-- take --
-- A new epoch: all writes under the old one are refused from here on
UPDATE leases
   SET epoch = epoch + 1, holder = %(holder)s, taken_at = clock_timestamp()
 WHERE name = %(name)s
RETURNING epoch;

-- renew --
-- The leader is alive
UPDATE lease_renewals SET renewed_at = clock_timestamp() WHERE name = %(name)s;

-- release --
-- The leader goes; nobody need wait for its silence
UPDATE lease_renewals SET renewed_at = NULL
 WHERE name = %(name)s
   AND EXISTS (SELECT 1 FROM leases WHERE name = %(name)s AND epoch = %(epoch)s);

-- epoch --
-- Who leads, as a number
SELECT epoch FROM leases WHERE name = %(name)s;

-- hold --
-- The epoch, kept still until the transaction ends: a take-over waits for us, or we see it
SELECT epoch FROM leases WHERE name = %(name)s FOR SHARE;
