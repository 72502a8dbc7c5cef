-- add --
-- A fact's increment, in its transaction
INSERT INTO metric_counter (name, labels, value)
VALUES (%(name)s, %(labels)s, %(value)s)
    ON CONFLICT (name, labels) DO UPDATE SET value = metric_counter.value + excluded.value;

-- initialise --
-- A series that has not moved yet stands at 0
INSERT INTO metric_counter (name, labels) VALUES (%(name)s, %(labels)s)
    ON CONFLICT DO NOTHING;
