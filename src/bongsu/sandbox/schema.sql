CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS holdings (
    currency TEXT PRIMARY KEY,
    free TEXT NOT NULL,
    locked TEXT NOT NULL,
    average_price TEXT NOT NULL
) WITHOUT ROWID;

-- Deposits and withdrawals; the capital is the first one.
CREATE TABLE IF NOT EXISTS flows (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    currency TEXT NOT NULL,
    delta TEXT NOT NULL
);

-- Every identifier ever sent with an order, also with one that was refused.
CREATE TABLE IF NOT EXISTS identifiers (identifier TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS orders (
    seq INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    identifier TEXT UNIQUE,
    market TEXT NOT NULL,
    side TEXT NOT NULL,
    ord_type TEXT NOT NULL,
    price TEXT,
    volume TEXT,
    time_in_force TEXT,
    smp_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    reserved_fee TEXT NOT NULL,
    locked TEXT NOT NULL,
    state TEXT NOT NULL,
    executed_volume TEXT NOT NULL,
    executed_funds TEXT NOT NULL,
    paid_fee TEXT NOT NULL,
    trades_count INTEGER NOT NULL,
    prevented_volume TEXT NOT NULL DEFAULT '0',
    prevented_locked TEXT NOT NULL DEFAULT '0'
);
CREATE INDEX IF NOT EXISTS orders_created_at ON orders (created_at);
CREATE INDEX IF NOT EXISTS orders_waiting ON orders (state) WHERE state = 'wait';

CREATE TABLE IF NOT EXISTS trades (
    seq INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    order_seq INTEGER NOT NULL REFERENCES orders (seq),
    market TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    volume TEXT NOT NULL,
    funds TEXT NOT NULL,
    fee TEXT NOT NULL,
    at INTEGER NOT NULL,
    trend TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS trades_order ON trades (order_seq);

-- What orders took from the book in one minute, and resting orders from one hour's volume.
CREATE TABLE IF NOT EXISTS eaten (
    market TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    minute INTEGER NOT NULL,
    volume TEXT NOT NULL,
    PRIMARY KEY (market, side, price)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hour_shares (
    market TEXT PRIMARY KEY,
    hour INTEGER NOT NULL,
    volume TEXT NOT NULL
) WITHOUT ROWID;

-- Received by the Telegram stand-in; `at` is wall time.
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    market_time INTEGER NOT NULL,
    chat_id TEXT NOT NULL,
    text TEXT NOT NULL,
    source TEXT NOT NULL,
    parse_mode TEXT
);

-- What stands below a message, as JSON, and the picture of one.
CREATE TABLE IF NOT EXISTS keyboards (message_id INTEGER PRIMARY KEY, rows TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS photos (message_id INTEGER PRIMARY KEY, content BLOB NOT NULL);

-- What the bot has not confirmed; a number is never given twice.
CREATE TABLE IF NOT EXISTS updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
