-- add --
-- A fact's increments, in its transaction, in the order given
INSERT INTO metric_counter (name, labels, value)
SELECT * FROM unnest(%(names)s::text[], %(labels)s::jsonb[], %(values)s::numeric[])
    ON CONFLICT (name, labels) DO UPDATE SET value = metric_counter.value + excluded.value;

-- initialise --
-- A series that has not moved yet stands at 0
INSERT INTO metric_counter (name, labels) VALUES (%(name)s, %(labels)s)
    ON CONFLICT DO NOTHING;
