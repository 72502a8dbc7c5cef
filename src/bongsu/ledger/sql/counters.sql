-- add --
-- A fact's increments, in its transaction, in the order given
INSERT INTO metric_counter (name, labels, value)
SELECT * FROM unnest(%(names)s::text[], %(labels)s::jsonb[], %(values)s::numeric[])
    ON CONFLICT (name, labels) DO UPDATE SET value = metric_counter.value + excluded.value;

-- initialise --
-- Series that have not moved yet stand at 0. Those on record are not touched: a writer that hangs keeps nobody from starting
INSERT INTO metric_counter (name, labels)
SELECT * FROM unnest(%(names)s::text[], %(labels)s::jsonb[]) AS missing (name, labels)
 WHERE NOT EXISTS (SELECT FROM metric_counter known WHERE known.name = missing.name AND known.labels = missing.labels)
    ON CONFLICT DO NOTHING;
