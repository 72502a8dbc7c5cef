-- one_at_a_time --
-- Two reservations must not both find the last of the budget
SELECT pg_advisory_xact_lock(hashtext('llm_calls'));

-- spent --
-- What the day's calls cost, or were reserved for, and whether one was refused before
SELECT coalesce(sum(coalesce(cost_krw, reserved_krw)), 0) AS spent,
       coalesce(bool_or(outcome = 'refused_budget'), false) AS refused
  FROM llm_calls WHERE sent_at >= %(day)s;

-- call --
-- A question that is about to be sent, or was refused
INSERT INTO llm_calls (id, market, candle_closed_at, at, purpose, model, prompt_version, prompt_hash, system, prompt, reserved_krw,
                       outcome, cost_krw)
VALUES (%(id)s, %(market)s, %(candle_closed_at)s, %(at)s, %(purpose)s, %(model)s, %(prompt_version)s, %(prompt_hash)s, %(system)s,
        %(prompt)s, %(reserved)s, %(outcome)s, %(cost)s);

-- close --
-- What came of it; once
UPDATE llm_calls
   SET ended_at = clock_timestamp(), outcome = %(outcome)s, detail = %(detail)s, reply = %(reply)s, input_tokens = %(input)s,
       output_tokens = %(output)s, cached_tokens = %(cached)s, cost_krw = %(cost)s, seconds = %(seconds)s
 WHERE id = %(id)s AND outcome IS NULL
RETURNING id;

-- bill --
-- A decision bears what was asked for it
UPDATE decisions
   SET model = asked.model, prompt_version = asked.prompt_version, input_tokens = asked.input, output_tokens = asked.output,
       cost_krw = asked.cost
  FROM (SELECT (array_agg(model ORDER BY sent_at DESC))[1] AS model,
               (array_agg(prompt_version ORDER BY sent_at))[1] AS prompt_version,
               sum(input_tokens)::integer AS input, sum(output_tokens)::integer AS output,
               sum(coalesce(cost_krw, reserved_krw)) AS cost
          FROM llm_calls
         WHERE market = %(market)s AND candle_closed_at = %(candle_closed_at)s AND outcome <> 'refused_budget') AS asked
 WHERE decisions.id = %(id)s AND asked.model IS NOT NULL;
