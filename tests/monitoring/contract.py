"""The contract's list of metrics, as data: name, type, labels, owner.

Owners: L is projected from the ledger by the backend, B the backend process, S the scheduler process.
"""

PROMISED = """
scheduler_job_success_total                       counter    job_name           L
scheduler_job_failure_total                       counter    job_name           L
scheduler_job_skipped_total                       counter    job_name,reason    L
scheduler_job_duration_seconds                    gauge      job_name           L
scheduler_job_run_duration_seconds                histogram  job_name           L
scheduler_job_last_start_timestamp_seconds        gauge      job_name           L
scheduler_job_last_success_timestamp_seconds      gauge      job_name           L
scheduler_job_last_failure_timestamp_seconds      gauge      job_name           L
scheduler_job_last_run_timestamp_seconds          gauge      job_name           L
scheduler_job_in_progress                         gauge      job_name           L
scheduler_job_deadline_seconds                    gauge      job_name           L
scheduler_job_interval_seconds                    gauge      job_name           L
scheduler_heartbeat_timestamp_seconds             gauge      -                  L
scheduler_is_leader                               gauge      instance           L
scheduler_lease_epoch                             gauge      -                  L
scheduler_lease_rejections_total                  counter    -                  L
scheduler_stale_epoch_writes_total                counter    -                  L
scheduler_event_loop_lag_seconds                  histogram  -                  S
ai_decision_total                                 counter    symbol,decision    L
ai_decision_skipped_total                         counter    reason             L
ai_validation_rejections_total                    counter    reason             L
ai_decision_latency_seconds                       histogram  -                  S
ai_decision_last_timestamp_seconds                gauge      -                  L
llm_requests_total                                counter    model,outcome      L
llm_tokens_total                                  counter    model,kind         L
llm_cost_krw_total                                counter    model              L
llm_cost_today_krw                                gauge      -                  L
llm_cost_budget_daily_krw                         gauge      -                  L
trades_total                                      counter    symbol,side        L
trade_volume_krw_total                            counter    symbol,side        L
trade_fee_krw_total                               counter    symbol,side        L
fills_total                                       counter    side               L
orders_total                                      counter    side,outcome       L
order_latency_seconds                             histogram  phase              S
order_slippage_ratio                              histogram  side               L
order_filled_ratio                                histogram  side               L
orders_unknown                                    gauge      -                  L
order_unknown_oldest_age_seconds                  gauge      -                  L
duplicate_orders_prevented_total                  counter    layer              L
reconciliation_runs_total                         counter    result             L
reconciliation_mismatches                         gauge      -                  L
reconciliation_last_success_timestamp_seconds     gauge      -                  L
external_changes_unacknowledged                   gauge      -                  L
portfolio_value_krw                               gauge      -                  L
portfolio_valuation_timestamp_seconds             gauge      -                  L
portfolio_cash_krw                                gauge      -                  L
portfolio_exposure_ratio                          gauge      -                  L
portfolio_drawdown_ratio                          gauge      -                  L
portfolio_pnl_krw                                 gauge      window             L
portfolio_pnl_ratio                               gauge      window             L
bot_open_positions                                gauge      -                  L
position_value_krw                                gauge      symbol             L
position_unrealized_pnl_ratio                     gauge      symbol             L
circuit_breaker_trips_total                       counter    scope              L
circuit_breaker_active                            gauge      scope              L
risk_exits_total                                  counter    symbol,type        L
trade_frequency_blocks_total                      counter    reason             L
first_week_cap_blocks_total                       counter    -                  L
risk_check_last_success_timestamp_seconds         gauge      -                  L
bot_errors_total                                  counter    error_type         L
http_request_duration_seconds                     histogram  -                  B
http_route_duration_seconds                       histogram  method,route,status B
http_requests_in_progress                         gauge      -                  B
db_pool_connections                               gauge      state              B,S
db_pool_connections_max                           gauge      -                  B,S
db_up                                             gauge      -                  B,S
ledger_up                                         gauge      -                  B
db_query_duration_seconds                         histogram  operation          B,S
exchange_requests_total                           counter    endpoint,outcome   S
exchange_request_duration_seconds                 histogram  endpoint           S
exchange_rate_limit_remaining                     gauge      group              S
exchange_clock_offset_seconds                     gauge      -                  L
exchange_maintenance                              gauge      -                  L
exchange_api_key_expiry_timestamp_seconds         gauge      -                  L
market_data_age_seconds                           gauge      symbol,interval    L
market_data_interval_seconds                      gauge      interval           L
market_state                                      gauge      market,state       L
market_held                                       gauge      market             L
price_outliers_rejected_total                     counter    source             L
notification_sent_total                           counter    kind               L
notification_failed_total                         counter    kind,reason        L
notification_dead_letter_total                    counter    kind               L
second_channel_sent_total                         counter    channel            L
second_channel_failed_total                       counter    channel,reason     L
second_channel_dead_letter_total                  counter    channel            L
second_channel_oldest_age_seconds                 gauge      channel            L
notification_dead_letters                         gauge      -                  L
notification_outbox_depth                         gauge      -                  L
notification_outbox_oldest_age_seconds            gauge      -                  L
daily_report_last_sent_timestamp_seconds          gauge      -                  L
bot_trading_enabled                               gauge      -                  L
bot_trading_enabled_since_timestamp_seconds       gauge      -                  L
bot_trading_paused                                gauge      reason             L
bot_idle_reason                                   gauge      reason             L
bot_maintenance                                   gauge      -                  L
bot_process_starts_total                          counter    process            L
secrets_redacted_total                            counter    sink               B,S
backup_runs_total                                 counter    outcome            L
backup_last_success_timestamp_seconds             gauge      -                  L
backup_size_bytes                                 gauge      -                  L
backup_due_timestamp_seconds                      gauge      -                  B
watchdog_last_received_timestamp_seconds          gauge      -                  B
monitoring_rules_loaded                           gauge      -                  B
monitoring_rules_expected                         gauge      -                  B
dashboard_panels_broken                           gauge      -                  B
disk_free_bytes                                   gauge      path               B
disk_size_bytes                                   gauge      path               B
bot_build_info                                    gauge      version,commit     B,S
bot_config_info                                   gauge      config_hash,process,mode B,S
"""

# What a label may say where the contract lists it.
VALUES = {
    ("scheduler_job_success_total", "job_name"): "trading_job position_job portfolio_job reconcile_job "
    "daily_report_job",
    ("scheduler_job_skipped_total", "reason"): "duplicate blocked paused maintenance",
    ("ai_decision_total", "decision"): "buy sell hold",
    ("ai_decision_skipped_total", "reason"): "stale paused budget advisor_failed",
    ("llm_requests_total", "outcome"): "ok timeout rate_limited error malformed refused_budget",
    ("llm_tokens_total", "kind"): "input output cached",
    ("trades_total", "side"): "buy sell",
    ("orders_total", "outcome"): "filled partial rejected canceled",
    ("order_latency_seconds", "phase"): "submit settle",
    ("secrets_redacted_total", "sink"): "log ledger message",
    ("duplicate_orders_prevented_total", "layer"): "intent identifier lease candle",
    ("portfolio_pnl_krw", "window"): "daily weekly",
    ("circuit_breaker_active", "scope"): "daily weekly",
    ("risk_exits_total", "type"): "stop_loss take_profit trailing_stop",
    ("trade_frequency_blocks_total", "reason"): "min_interval max_daily",
    ("bot_errors_total", "error_type"): "exchange llm db telegram data validation risk config scheduler "
    "internal",
    ("http_route_duration_seconds", "status"): "2xx 3xx 4xx 5xx",
    ("exchange_requests_total", "outcome"): "ok client_error server_error timeout rate_limited banned "
    "malformed auth",
    ("notification_sent_total", "kind"): "trade error status report alert",
    ("second_channel_sent_total", "channel"): "mail webhook",
    ("backup_runs_total", "outcome"): "success failure",
    ("disk_free_bytes", "path"): "data logs",
    ("market_state", "state"): "active warning suspended delisted",
}

# The most values that a label may take.
BOUNDS = {
    "operation": 12,
    "endpoint": 12,
    "layer": 4,
    "sink": 3,
    "source": 4,
    ("bot_trading_paused", "reason"): 10,
    ("bot_idle_reason", "reason"): 15,
    ("ai_validation_rejections_total", "reason"): 15,
}
