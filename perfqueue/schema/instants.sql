-- Store instant items of one feature, which are finished and to be settled in full, each with the same steps: from
-- p_from[i] to p_to[i], all at p_at. p_transition has the ids of every item's steps, item after item. Returns how many
-- items there are.
CREATE OR REPLACE FUNCTION perfqueue_store_instants(
    p_at timestamptz, p_feature text, p_title text, p_currency text, p_from text[], p_to text[], p_transition uuid[],
    p_item uuid[], p_user uuid[], p_performer uuid[], p_hold uuid[], p_tokens bigint[], p_award bigint[], p_key text[],
    p_source text[], p_request text[]
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO perfqueue_queueitem (
        id, user_id, performer_id, hold_id, tokens, currency, title, description, fulfilment, source_feature,
        idempotency_key, source_event_id, metadata, award, fee_bps, state, created_at, started_at, ended_at,
        settle_tokens, refund_tokens, cause, reason, third_noticed, next_noticed)
    SELECT t.item, t.usr, t.performer, t.hold, t.tokens, p_currency, p_title, '', 'instant', p_feature,
           t.key, t.source, '{}', t.award, 0, p_to[cardinality(p_to)], p_at, p_at, p_at,
           t.tokens, 0, '', '', false, false
      FROM unnest(p_item, p_user, p_performer, p_hold, p_tokens, p_award, p_key, p_source)
           AS t(item, usr, performer, hold, tokens, award, key, source);
    INSERT INTO perfqueue_transition (id, item_id, from_state, to_state, actor, cause, reason, request_id, at)
    SELECT p_transition[(t.place - 1) * cardinality(p_to) + s.place], t.item, s.source, s.target, t.usr, '', '',
           t.request, p_at
      FROM unnest(p_item, p_user, p_request) WITH ORDINALITY AS t(item, usr, request, place)
     CROSS JOIN unnest(p_from, p_to) WITH ORDINALITY AS s(source, target, place);
    RETURN cardinality(p_item);
END
$$;
