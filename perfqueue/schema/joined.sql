-- Store new performed items, created at p_at, each with its first step, and count up their queues' next turns. The caller
-- holds the locks of the queues. Returns how many items there are.
CREATE OR REPLACE FUNCTION perfqueue_join(
    p_at timestamptz, p_transition uuid[], p_item uuid[], p_user uuid[], p_performer uuid[], p_hold uuid[],
    p_tokens bigint[], p_currency text[], p_title text[], p_description text[], p_duration_s integer[], p_feature text[],
    p_key text[], p_source text[], p_metadata jsonb[], p_fee_bps integer[], p_turn bigint[],
    p_rope_drop_at timestamptz[], p_max_wait_at timestamptz[], p_third boolean[], p_next boolean[], p_actor uuid[],
    p_request text[]
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO perfqueue_queueitem (
        id, user_id, performer_id, hold_id, tokens, currency, title, description, duration_s, fulfilment,
        source_feature, idempotency_key, source_event_id, metadata, award, fee_bps, state, turn, created_at,
        rope_drop_at, max_wait_at, cause, reason, third_noticed, next_noticed)
    SELECT t.item, t.usr, t.performer, t.hold, t.tokens, t.currency, t.title, t.description, t.duration_s, 'performed',
           t.feature, t.key, t.source, t.metadata, 0, t.fee_bps, 'created', t.turn, p_at,
           t.rope_drop_at, t.max_wait_at, '', '', t.third, t.next
      FROM unnest(p_item, p_user, p_performer, p_hold, p_tokens, p_currency, p_title, p_description, p_duration_s,
                  p_feature, p_key, p_source, p_metadata, p_fee_bps, p_turn, p_rope_drop_at, p_max_wait_at, p_third,
                  p_next)
           AS t(item, usr, performer, hold, tokens, currency, title, description, duration_s, feature, key, source,
                metadata, fee_bps, turn, rope_drop_at, max_wait_at, third, next);
    INSERT INTO perfqueue_transition (id, item_id, from_state, to_state, actor, cause, reason, request_id, at)
    SELECT t.transition, t.item, '', 'created', t.actor, '', '', t.request, p_at
      FROM unnest(p_transition, p_item, p_actor, p_request) AS t(transition, item, actor, request);
    UPDATE perfqueue_performerqueue q SET next_turn = s.last + 1
      FROM (SELECT t.performer, max(t.turn) AS last
              FROM unnest(p_performer, p_turn) AS t(performer, turn) GROUP BY t.performer) s
     WHERE q.performer_id = s.performer;
    RETURN cardinality(p_item);
END
$$;
