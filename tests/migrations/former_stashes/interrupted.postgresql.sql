CREATE TABLE hookonce_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hookonce_alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE triggers (
	id SERIAL NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	slug VARCHAR(200) NOT NULL, 
	type VARCHAR(20) DEFAULT 'webhook' NOT NULL, 
	source VARCHAR(50) DEFAULT 'custom' NOT NULL, 
	event_filter TEXT DEFAULT '{}', 
	action_type VARCHAR(20) NOT NULL, 
	action_payload TEXT, 
	agent VARCHAR(100), 
	secret VARCHAR(255), 
	enabled BOOLEAN DEFAULT true NOT NULL, 
	from_yaml BOOLEAN DEFAULT false NOT NULL, 
	remote_trigger_id VARCHAR(100), 
	source_plugin VARCHAR(100), 
	created_by INTEGER, 
	created_at TIMESTAMP WITHOUT TIME ZONE, 
	updated_at TIMESTAMP WITHOUT TIME ZONE, 
	CONSTRAINT pk_triggers PRIMARY KEY (id), 
	CONSTRAINT uq_triggers_slug UNIQUE (slug)
);
CREATE TABLE trigger_executions (
	id BIGSERIAL NOT NULL, 
	trigger_id INTEGER NOT NULL, 
	event_data TEXT, 
	status VARCHAR(20) DEFAULT 'pending' NOT NULL, 
	result_summary TEXT, 
	error TEXT, 
	duration_seconds FLOAT, 
	started_at TIMESTAMP WITHOUT TIME ZONE, 
	completed_at TIMESTAMP WITHOUT TIME ZONE, 
	CONSTRAINT pk_trigger_executions PRIMARY KEY (id), 
	CONSTRAINT fk_trigger_executions_trigger_id_triggers FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE
);
INSERT INTO hookonce_alembic_version (version_num) VALUES ('0001') RETURNING hookonce_alembic_version.version_num;
ALTER TABLE trigger_executions ADD COLUMN idempotency_key VARCHAR(255);
ALTER TABLE trigger_executions ADD COLUMN error_category VARCHAR(20);
ALTER TABLE trigger_executions ADD COLUMN last_replay_at TIMESTAMP WITHOUT TIME ZONE;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_idem_key;
CREATE INDEX CONCURRENTLY ix_trigger_executions_idem_key ON trigger_executions (idempotency_key);
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_idem;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_idem ON trigger_executions (trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_idempotency_key;
UPDATE hookonce_alembic_version SET version_num='0002' WHERE hookonce_alembic_version.version_num = '0001';
ALTER TABLE trigger_executions ADD COLUMN attempt_count INTEGER DEFAULT 0 NOT NULL;
ALTER TABLE trigger_executions ADD COLUMN next_attempt_at TIMESTAMP WITHOUT TIME ZONE DEFAULT '1970-01-01 00:00:00';
ALTER TABLE trigger_executions ADD COLUMN lease_owner VARCHAR(100);
ALTER TABLE trigger_executions ADD COLUMN lease_expires_at TIMESTAMP WITHOUT TIME ZONE;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_due;
CREATE INDEX CONCURRENTLY ix_trigger_executions_due ON trigger_executions (next_attempt_at, id) WHERE status IN ('pending', 'retrying');
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_leased;
CREATE INDEX CONCURRENTLY ix_trigger_executions_leased ON trigger_executions (lease_expires_at) WHERE status = 'running';
UPDATE hookonce_alembic_version SET version_num='0003' WHERE hookonce_alembic_version.version_num = '0002';
CREATE TABLE execution_attempts (
	id BIGSERIAL NOT NULL, 
	execution_id BIGINT NOT NULL, 
	number INTEGER NOT NULL, 
	worker VARCHAR(100) NOT NULL, 
	started_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	finished_at TIMESTAMP WITHOUT TIME ZONE, 
	outcome VARCHAR(20), 
	error TEXT, 
	error_category VARCHAR(20), 
	http_status INTEGER, 
	CONSTRAINT pk_execution_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_execution_attempts_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE, 
	CONSTRAINT uq_execution_attempts_execution_id UNIQUE (execution_id, number), 
	CONSTRAINT ck_execution_attempts_outcome CHECK (outcome IN ('succeeded', 'failed', 'lost')), 
	CONSTRAINT ck_execution_attempts_finished_with_outcome CHECK ((outcome IS NULL) = (finished_at IS NULL))
);
UPDATE hookonce_alembic_version SET version_num='0004' WHERE hookonce_alembic_version.version_num = '0003';
CREATE TABLE execution_requests (
	execution_id BIGINT NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BYTEA NOT NULL, 
	CONSTRAINT pk_execution_requests PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_requests_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
UPDATE hookonce_alembic_version SET version_num='0005' WHERE hookonce_alembic_version.version_num = '0004';
ALTER TABLE triggers ADD COLUMN idempotency_key_from TEXT;
ALTER TABLE triggers ADD COLUMN missing_key VARCHAR(10);
ALTER TABLE triggers ADD COLUMN tolerance_seconds FLOAT;
UPDATE hookonce_alembic_version SET version_num='0006' WHERE hookonce_alembic_version.version_num = '0005';
ALTER TABLE triggers ADD COLUMN previous_secret VARCHAR(255);
ALTER TABLE triggers ADD COLUMN previous_secret_expires_at TIMESTAMP WITHOUT TIME ZONE;
UPDATE hookonce_alembic_version SET version_num='0007' WHERE hookonce_alembic_version.version_num = '0006';
ALTER TABLE trigger_executions ADD COLUMN replay_of_id BIGINT;
ALTER TABLE trigger_executions ADD COLUMN chain_id BIGINT;
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_idem_incoming;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_idem_incoming ON trigger_executions (trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL AND replay_of_id IS NULL;
DROP INDEX IF EXISTS uq_trigger_idem;
ALTER INDEX uq_trigger_idem_incoming RENAME TO uq_trigger_idem;
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_executions_replay_of;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_executions_replay_of ON trigger_executions (replay_of_id) WHERE replay_of_id IS NOT NULL;
UPDATE hookonce_alembic_version SET version_num='0008' WHERE hookonce_alembic_version.version_num = '0007';
ALTER TABLE triggers ADD COLUMN retry_policy TEXT;
ALTER TABLE triggers ADD COLUMN max_concurrency INTEGER;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_turn;
CREATE INDEX CONCURRENTLY ix_trigger_executions_turn ON trigger_executions (trigger_id, next_attempt_at, id) WHERE status IN ('pending', 'retrying');
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_retrying;
CREATE INDEX CONCURRENTLY ix_trigger_executions_retrying ON trigger_executions (trigger_id, id) WHERE status = 'retrying';
UPDATE hookonce_alembic_version SET version_num='0009' WHERE hookonce_alembic_version.version_num = '0008';
CREATE TABLE trigger_breakers (
	trigger_id INTEGER NOT NULL, 
	failure_count INTEGER DEFAULT 0 NOT NULL, 
	opened_at TIMESTAMP WITHOUT TIME ZONE, 
	probe_at TIMESTAMP WITHOUT TIME ZONE, 
	CONSTRAINT pk_trigger_breakers PRIMARY KEY (trigger_id), 
	CONSTRAINT fk_trigger_breakers_trigger_id_triggers FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE, 
	CONSTRAINT ck_trigger_breakers_open_with_probe CHECK ((opened_at IS NULL) = (probe_at IS NULL))
);
UPDATE hookonce_alembic_version SET version_num='0010' WHERE hookonce_alembic_version.version_num = '0009';
ALTER TABLE trigger_executions ADD COLUMN error_reason VARCHAR(30);
ALTER TABLE execution_attempts ADD COLUMN error_reason VARCHAR(30);
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_dead;
CREATE INDEX CONCURRENTLY ix_trigger_executions_dead ON trigger_executions (id, trigger_id, error_reason) WHERE status IN ('failed', 'failed_retryable');
UPDATE hookonce_alembic_version SET version_num='0011' WHERE hookonce_alembic_version.version_num = '0010';
ALTER TABLE trigger_executions ADD COLUMN received_at TIMESTAMP WITHOUT TIME ZONE;
ALTER TABLE trigger_executions ADD COLUMN payload_digest VARCHAR(64);
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_trigger;
CREATE INDEX CONCURRENTLY ix_trigger_executions_trigger ON trigger_executions (trigger_id, id);
UPDATE hookonce_alembic_version SET version_num='0012' WHERE hookonce_alembic_version.version_num = '0011';
ALTER TABLE trigger_executions ADD COLUMN IF NOT EXISTS finished_by VARCHAR(100);
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_status;
ALTER TABLE trigger_executions ADD CONSTRAINT ck_trigger_executions_status CHECK (status IN ('pending', 'running', 'retrying', 'completed', 'failed', 'failed_retryable', 'replayed')) NOT VALID;
ALTER TABLE trigger_executions VALIDATE CONSTRAINT ck_trigger_executions_status;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_finished;
ALTER TABLE trigger_executions ADD CONSTRAINT ck_trigger_executions_finished CHECK ((status IN ('completed', 'failed', 'failed_retryable', 'replayed')) = (completed_at IS NOT NULL)) NOT VALID;
ALTER TABLE trigger_executions VALIDATE CONSTRAINT ck_trigger_executions_finished;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_leased;
ALTER TABLE trigger_executions ADD CONSTRAINT ck_trigger_executions_leased CHECK (lease_owner IS NULL OR status = 'running') NOT VALID;
ALTER TABLE trigger_executions VALIDATE CONSTRAINT ck_trigger_executions_leased;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_due;
UPDATE hookonce_alembic_version SET version_num='0013' WHERE hookonce_alembic_version.version_num = '0012';
CREATE TABLE delivery_counts (
	trigger_id INTEGER NOT NULL, 
	hour TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_delivery_counts PRIMARY KEY (hour, trigger_id, outcome)
);
CREATE TABLE execution_repeats (
	execution_id BIGINT NOT NULL, 
	number BIGINT NOT NULL, 
	last_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	CONSTRAINT pk_execution_repeats PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_repeats_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
CREATE TABLE key_mismatches (
	execution_id BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	number BIGINT NOT NULL, 
	first_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	last_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	CONSTRAINT pk_key_mismatches PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_key_mismatches_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
UPDATE hookonce_alembic_version SET version_num='0014' WHERE hookonce_alembic_version.version_num = '0013';
ALTER TABLE triggers ADD COLUMN sealed_secret TEXT;
ALTER TABLE triggers ADD COLUMN sealed_previous_secret TEXT;
UPDATE hookonce_alembic_version SET version_num='0015' WHERE hookonce_alembic_version.version_num = '0014';
CREATE TABLE hookonce_tokens (
	id SERIAL NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	created_by VARCHAR(200), 
	expires_at TIMESTAMP WITHOUT TIME ZONE, 
	last_used_at TIMESTAMP WITHOUT TIME ZONE, 
	revoked_at TIMESTAMP WITHOUT TIME ZONE, 
	CONSTRAINT pk_hookonce_tokens PRIMARY KEY (id), 
	CONSTRAINT uq_hookonce_tokens_token_hash UNIQUE (token_hash), 
	CONSTRAINT ck_hookonce_tokens_role CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE TABLE hookonce_sessions (
	session_hash VARCHAR(64) NOT NULL, 
	token_id INTEGER NOT NULL, 
	csrf_token VARCHAR(64) NOT NULL, 
	created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	expires_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	CONSTRAINT pk_hookonce_sessions PRIMARY KEY (session_hash), 
	CONSTRAINT fk_hookonce_sessions_token_id_hookonce_tokens FOREIGN KEY(token_id) REFERENCES hookonce_tokens (id) ON DELETE CASCADE
);
CREATE TABLE hookonce_audit (
	id BIGSERIAL NOT NULL, 
	at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	origin VARCHAR(100), 
	action VARCHAR(50) NOT NULL, 
	subject VARCHAR(100) NOT NULL, 
	before TEXT, 
	after TEXT, 
	CONSTRAINT pk_hookonce_audit PRIMARY KEY (id)
);
DROP INDEX CONCURRENTLY IF EXISTS ix_hookonce_audit_subject;
CREATE INDEX CONCURRENTLY ix_hookonce_audit_subject ON hookonce_audit (subject, id);
UPDATE hookonce_alembic_version SET version_num='0016' WHERE hookonce_alembic_version.version_num = '0015';
ALTER TABLE triggers ADD COLUMN keep_payload_seconds FLOAT;
ALTER TABLE triggers ADD COLUMN keep_rows_seconds FLOAT;
UPDATE hookonce_alembic_version SET version_num='0017' WHERE hookonce_alembic_version.version_num = '0016';
ALTER TABLE execution_attempts ADD COLUMN duration_seconds FLOAT;
UPDATE hookonce_alembic_version SET version_num='0018' WHERE hookonce_alembic_version.version_num = '0017';
ALTER TABLE triggers ADD COLUMN sealed_action_payload TEXT;
UPDATE hookonce_alembic_version SET version_num='0019' WHERE hookonce_alembic_version.version_num = '0018';
ALTER TABLE hookonce_audit ADD COLUMN token_id INTEGER;
UPDATE hookonce_alembic_version SET version_num='0020' WHERE hookonce_alembic_version.version_num = '0019';
CREATE TABLE mismatched_payloads (
	execution_id BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	trigger_id INTEGER NOT NULL, 
	received_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	event_data TEXT NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BYTEA NOT NULL, 
	CONSTRAINT pk_mismatched_payloads PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_mismatched_payloads_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
UPDATE hookonce_alembic_version SET version_num='0021' WHERE hookonce_alembic_version.version_num = '0020';
ALTER TABLE triggers ADD COLUMN verification TEXT;
UPDATE hookonce_alembic_version SET version_num='0022' WHERE hookonce_alembic_version.version_num = '0021';
ALTER TABLE triggers ADD COLUMN max_body_bytes INTEGER;
UPDATE hookonce_alembic_version SET version_num='0023' WHERE hookonce_alembic_version.version_num = '0022';
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (193::INTEGER, '2024-03-01 00:03:12.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'failed'::VARCHAR, 193::BIGINT);
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (194::INTEGER, '2024-03-01 00:03:13.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'lost'::VARCHAR, 194::BIGINT);
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (195::INTEGER, '2024-03-01 00:03:14.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'succeeded'::VARCHAR, 195::BIGINT);
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (196::INTEGER, '2024-03-01 00:03:15.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'failed'::VARCHAR, 196::BIGINT);
INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after, token_id) VALUES ('2024-03-01 00:03:16.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'197 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'197 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'197 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'197 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'197 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'197 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 197::INTEGER) RETURNING hookonce_audit.id;
INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after, token_id) VALUES ('2024-03-01 00:03:17.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'198 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'198 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'198 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'198 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'198 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'198 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 198::INTEGER) RETURNING hookonce_audit.id;
INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after, token_id) VALUES ('2024-03-01 00:03:18.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'199 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR,  E'199 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'199 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER) RETURNING hookonce_audit.id;
INSERT INTO hookonce_audit (at, actor, action, subject) VALUES ('2024-03-01 00:03:19.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'200 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'200 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'200 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING hookonce_audit.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at, created_by, expires_at, last_used_at, revoked_at) VALUES ( E'201 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'viewer'::VARCHAR,  E'201 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:20.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'201 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:20.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:20.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:20.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at, created_by, expires_at, last_used_at, revoked_at) VALUES ( E'202 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'operator'::VARCHAR,  E'202 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:21.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'202 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:21.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:21.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:21.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at, created_by, expires_at, last_used_at, revoked_at) VALUES ( E'203 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'admin'::VARCHAR,  E'203 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:22.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at) VALUES ( E'204 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'viewer'::VARCHAR,  E'204 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:23.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, agent, secret, enabled, from_yaml, remote_trigger_id, source_plugin, created_by, created_at, updated_at, idempotency_key_from, missing_key, tolerance_seconds, previous_secret, previous_secret_expires_at, retry_policy, max_concurrency, sealed_secret, sealed_previous_secret, keep_payload_seconds, keep_rows_seconds, sealed_action_payload, verification, max_body_bytes) VALUES ( E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'event'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 1'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, false, false,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 205::INTEGER, '2024-03-01 00:03:24.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:24.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '205 🪝 it''s'::VARCHAR, 205.1,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:24.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 205::INTEGER,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 205.1, 205.1,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'205 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 205::INTEGER) RETURNING triggers.id;
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, agent, secret, enabled, from_yaml, remote_trigger_id, source_plugin, created_by, created_at, updated_at, idempotency_key_from, missing_key, tolerance_seconds, previous_secret, previous_secret_expires_at, retry_policy, max_concurrency, sealed_secret, sealed_previous_secret, keep_payload_seconds, keep_rows_seconds, sealed_action_payload, verification, max_body_bytes) VALUES ( E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'webhook'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 1'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, true, true,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 206::INTEGER, '2024-03-01 00:03:25.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:25.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '206 🪝 it''s'::VARCHAR, 206.1,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:25.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 206::INTEGER,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 206.1, 206.1,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'206 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 206::INTEGER) RETURNING triggers.id;
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, agent, secret, enabled, from_yaml, remote_trigger_id, source_plugin, created_by, created_at, updated_at, idempotency_key_from, missing_key, tolerance_seconds, previous_secret, previous_secret_expires_at, retry_policy, max_concurrency, sealed_secret, sealed_previous_secret, keep_payload_seconds, keep_rows_seconds, sealed_action_payload, verification, max_body_bytes) VALUES ( E'207 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'207 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'event'::VARCHAR,  E'207 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR, NULL::VARCHAR,  E'207 🪝 it''s "odd" \\ 1'::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, false, false, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR, NULL, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::INTEGER, NULL::VARCHAR, NULL::VARCHAR, NULL, NULL, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER) RETURNING triggers.id;
INSERT INTO triggers (name, slug, action_type) VALUES ( E'208 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'208 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'208 🪝 it''s "odd" \\ 1'::VARCHAR) RETURNING triggers.id;
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'209 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 3::INTEGER,  E'209 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:28.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:28.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'210 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 2::INTEGER,  E'210 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:29.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:29.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'211 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 1::INTEGER,  E'211 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:30.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:30.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'212 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 4::INTEGER,  E'212 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:31.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:31.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at) VALUES (3::INTEGER, 213::INTEGER, '2024-03-01 00:03:32.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:32.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at) VALUES (2::INTEGER, 214::INTEGER, '2024-03-01 00:03:33.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:33.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at) VALUES (1::INTEGER, 215::INTEGER, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id) VALUES (4::INTEGER);
INSERT INTO trigger_executions (trigger_id, event_data, status, result_summary, error, duration_seconds, started_at, completed_at, idempotency_key, error_category, last_replay_at, attempt_count, next_attempt_at, lease_owner, lease_expires_at, replay_of_id, chain_id, error_reason, received_at, payload_digest, finished_by) VALUES (3::INTEGER,  E'217 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'pending'::VARCHAR,  E'217 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'217 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 217.1, '2024-03-01 00:03:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE,  E'217 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'permanent'::VARCHAR, '2024-03-01 00:03:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 217::INTEGER, '2024-03-01 00:03:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, '2024-03-01 00:03:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 217::BIGINT, 217::BIGINT,  E'217 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, '2024-03-01 00:03:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'217 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'217 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING trigger_executions.id;
INSERT INTO trigger_executions (trigger_id, event_data, status, result_summary, error, duration_seconds, started_at, completed_at, idempotency_key, error_category, last_replay_at, attempt_count, next_attempt_at, lease_owner, lease_expires_at, replay_of_id, chain_id, error_reason, received_at, payload_digest, finished_by) VALUES (2::INTEGER,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'running'::VARCHAR,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 218.1, '2024-03-01 00:03:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'transient'::VARCHAR, '2024-03-01 00:03:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 218::INTEGER, '2024-03-01 00:03:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 218::BIGINT, 218::BIGINT,  E'218 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, '2024-03-01 00:03:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'218 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING trigger_executions.id;
INSERT INTO trigger_executions (trigger_id, event_data, status, result_summary, error, duration_seconds, started_at, completed_at, idempotency_key, error_category, last_replay_at, attempt_count, next_attempt_at, lease_owner, lease_expires_at, replay_of_id, chain_id, error_reason, received_at, payload_digest, finished_by) VALUES (1::INTEGER, NULL::VARCHAR, 'pending'::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, 219::INTEGER, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::BIGINT, NULL::BIGINT, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR) RETURNING trigger_executions.id;
INSERT INTO trigger_executions (trigger_id) VALUES (4::INTEGER) RETURNING trigger_executions.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at, finished_at, outcome, error, error_category, http_status, error_reason, duration_seconds) VALUES (3::BIGINT, 221::INTEGER,  E'221 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:40.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:40.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'lost'::VARCHAR,  E'221 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'permanent'::VARCHAR, 221::INTEGER,  E'221 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, 221.1) RETURNING execution_attempts.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at, finished_at, outcome, error, error_category, http_status, error_reason, duration_seconds) VALUES (2::BIGINT, 222::INTEGER,  E'222 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:41.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:41.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'succeeded'::VARCHAR,  E'222 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'transient'::VARCHAR, 222::INTEGER,  E'222 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, 222.1) RETURNING execution_attempts.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at, finished_at, outcome, error, error_category, http_status, error_reason, duration_seconds) VALUES (1::BIGINT, 223::INTEGER,  E'223 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:42.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER, NULL::VARCHAR, NULL) RETURNING execution_attempts.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at) VALUES (4::BIGINT, 224::INTEGER,  E'224 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:03:43.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING execution_attempts.id;
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (3::BIGINT, 225::BIGINT, '2024-03-01 00:03:44.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (2::BIGINT, 226::BIGINT, '2024-03-01 00:03:45.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (1::BIGINT, 227::BIGINT, '2024-03-01 00:03:46.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (4::BIGINT, 228::BIGINT, '2024-03-01 00:03:47.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES (3::BIGINT,  E'229 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'229 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES (1::BIGINT,  E'230 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'230 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES (2::BIGINT, NULL::VARCHAR,  E'231 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x'::bytea);
INSERT INTO execution_requests (execution_id, headers, body) VALUES (4::BIGINT,  E'232 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (3::BIGINT,  E'233 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 233::BIGINT, '2024-03-01 00:03:52.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:52.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (4::BIGINT,  E'234 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 234::BIGINT, '2024-03-01 00:03:53.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:53.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (1::BIGINT,  E'235 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 235::BIGINT, '2024-03-01 00:03:54.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:54.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (2::BIGINT,  E'236 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 236::BIGINT, '2024-03-01 00:03:55.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:55.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, content_type, headers, body) VALUES (3::BIGINT,  E'237 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 237::INTEGER, '2024-03-01 00:03:56.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'237 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'237 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'237 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x'::bytea);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, content_type, headers, body) VALUES (2::BIGINT,  E'238 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 238::INTEGER, '2024-03-01 00:03:57.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'238 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'238 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'238 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, content_type, headers, body) VALUES (1::BIGINT,  E'239 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 239::INTEGER, '2024-03-01 00:03:58.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'239 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR,  E'239 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, headers, body) VALUES (4::BIGINT,  E'240 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 240::INTEGER, '2024-03-01 00:03:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'240 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'240 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x'::bytea);
CREATE TABLE IF NOT EXISTS _undoing_0023 ();
CREATE TABLE IF NOT EXISTS _stash_0023_triggers AS SELECT id, max_body_bytes FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0023_triggers ON _stash_0023_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0023_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0023_triggers VALUES (NEW.id, NEW.max_body_bytes) ON CONFLICT (id) DO UPDATE SET max_body_bytes = EXCLUDED.max_body_bytes; RETURN NULL; END $$;
CREATE TRIGGER _stash_0023_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0023_triggers_capture();
INSERT INTO _stash_0023_triggers SELECT id, max_body_bytes FROM triggers WHERE id BETWEEN 1 AND 4 AND (max_body_bytes IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0023_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0023_triggers_capture();
ALTER TABLE triggers DROP COLUMN max_body_bytes;
DROP TABLE IF EXISTS _undoing_0023;
UPDATE hookonce_alembic_version SET version_num='0022' WHERE hookonce_alembic_version.version_num = '0023';
CREATE TABLE IF NOT EXISTS _undoing_0022 ();
CREATE TABLE IF NOT EXISTS _stash_0022_triggers AS SELECT id, verification FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0022_triggers ON _stash_0022_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0022_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0022_triggers VALUES (NEW.id, NEW.verification) ON CONFLICT (id) DO UPDATE SET verification = EXCLUDED.verification; RETURN NULL; END $$;
CREATE TRIGGER _stash_0022_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0022_triggers_capture();
INSERT INTO _stash_0022_triggers SELECT id, verification FROM triggers WHERE id BETWEEN 1 AND 4 AND (verification IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0022_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0022_triggers_capture();
ALTER TABLE triggers DROP COLUMN verification;
DROP TABLE IF EXISTS _undoing_0022;
UPDATE hookonce_alembic_version SET version_num='0021' WHERE hookonce_alembic_version.version_num = '0022';
CREATE TABLE IF NOT EXISTS _undoing_0021 ();
ALTER TABLE mismatched_payloads RENAME TO _stash_0021_mismatched_payloads;
DROP TABLE IF EXISTS _undoing_0021;
UPDATE hookonce_alembic_version SET version_num='0020' WHERE hookonce_alembic_version.version_num = '0021';
CREATE TABLE IF NOT EXISTS _undoing_0020 ();
CREATE TABLE IF NOT EXISTS _stash_0020_hookonce_audit AS SELECT id, token_id FROM hookonce_audit WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0020_hookonce_audit ON _stash_0020_hookonce_audit (id);
CREATE OR REPLACE FUNCTION _stash_0020_hookonce_audit_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0020_hookonce_audit VALUES (NEW.id, NEW.token_id) ON CONFLICT (id) DO UPDATE SET token_id = EXCLUDED.token_id; RETURN NULL; END $$;
CREATE TRIGGER _stash_0020_hookonce_audit_capture AFTER INSERT OR UPDATE ON hookonce_audit FOR EACH ROW EXECUTE FUNCTION _stash_0020_hookonce_audit_capture();
INSERT INTO _stash_0020_hookonce_audit SELECT id, token_id FROM hookonce_audit WHERE id BETWEEN 1 AND 4 AND (token_id IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0020_hookonce_audit_capture ON hookonce_audit;
DROP FUNCTION IF EXISTS _stash_0020_hookonce_audit_capture();
ALTER TABLE hookonce_audit DROP COLUMN token_id;
DROP TABLE IF EXISTS _undoing_0020;
UPDATE hookonce_alembic_version SET version_num='0019' WHERE hookonce_alembic_version.version_num = '0020';
CREATE TABLE IF NOT EXISTS _undoing_0019 ();
CREATE TABLE IF NOT EXISTS _stash_0019_triggers AS SELECT id, sealed_action_payload FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0019_triggers ON _stash_0019_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0019_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0019_triggers VALUES (NEW.id, NEW.sealed_action_payload) ON CONFLICT (id) DO UPDATE SET sealed_action_payload = EXCLUDED.sealed_action_payload; RETURN NULL; END $$;
CREATE TRIGGER _stash_0019_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0019_triggers_capture();
INSERT INTO _stash_0019_triggers SELECT id, sealed_action_payload FROM triggers WHERE id BETWEEN 1 AND 4 AND (sealed_action_payload IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0019_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0019_triggers_capture();
ALTER TABLE triggers DROP COLUMN sealed_action_payload;
DROP TABLE IF EXISTS _undoing_0019;
UPDATE hookonce_alembic_version SET version_num='0018' WHERE hookonce_alembic_version.version_num = '0019';
CREATE TABLE IF NOT EXISTS _undoing_0018 ();
CREATE TABLE IF NOT EXISTS _stash_0018_execution_attempts AS SELECT id, duration_seconds FROM execution_attempts WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0018_execution_attempts ON _stash_0018_execution_attempts (id);
CREATE OR REPLACE FUNCTION _stash_0018_execution_attempts_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0018_execution_attempts VALUES (NEW.id, NEW.duration_seconds) ON CONFLICT (id) DO UPDATE SET duration_seconds = EXCLUDED.duration_seconds; RETURN NULL; END $$;
CREATE TRIGGER _stash_0018_execution_attempts_capture AFTER INSERT OR UPDATE ON execution_attempts FOR EACH ROW EXECUTE FUNCTION _stash_0018_execution_attempts_capture();
INSERT INTO _stash_0018_execution_attempts SELECT id, duration_seconds FROM execution_attempts WHERE id BETWEEN 1 AND 4 AND (duration_seconds IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0018_execution_attempts_capture ON execution_attempts;
DROP FUNCTION IF EXISTS _stash_0018_execution_attempts_capture();
ALTER TABLE execution_attempts DROP COLUMN duration_seconds;
DROP TABLE IF EXISTS _undoing_0018;
UPDATE hookonce_alembic_version SET version_num='0017' WHERE hookonce_alembic_version.version_num = '0018';
CREATE TABLE IF NOT EXISTS _undoing_0017 ();
CREATE TABLE IF NOT EXISTS _stash_0017_triggers AS SELECT id, keep_payload_seconds, keep_rows_seconds FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0017_triggers ON _stash_0017_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0017_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0017_triggers VALUES (NEW.id, NEW.keep_payload_seconds, NEW.keep_rows_seconds) ON CONFLICT (id) DO UPDATE SET keep_payload_seconds = EXCLUDED.keep_payload_seconds, keep_rows_seconds = EXCLUDED.keep_rows_seconds; RETURN NULL; END $$;
CREATE TRIGGER _stash_0017_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0017_triggers_capture();
INSERT INTO _stash_0017_triggers SELECT id, keep_payload_seconds, keep_rows_seconds FROM triggers WHERE id BETWEEN 1 AND 4 AND (keep_payload_seconds IS DISTINCT FROM NULL OR keep_rows_seconds IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0017_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0017_triggers_capture();
ALTER TABLE triggers DROP COLUMN keep_payload_seconds;
ALTER TABLE triggers DROP COLUMN keep_rows_seconds;
DROP TABLE IF EXISTS _undoing_0017;
UPDATE hookonce_alembic_version SET version_num='0016' WHERE hookonce_alembic_version.version_num = '0017';
CREATE TABLE IF NOT EXISTS _undoing_0016 ();
ALTER TABLE hookonce_audit RENAME TO _stash_0016_hookonce_audit;
ALTER TABLE hookonce_sessions RENAME TO _stash_0016_hookonce_sessions;
ALTER TABLE hookonce_tokens RENAME TO _stash_0016_hookonce_tokens;
DROP TABLE IF EXISTS _undoing_0016;
UPDATE hookonce_alembic_version SET version_num='0015' WHERE hookonce_alembic_version.version_num = '0016';
CREATE TABLE IF NOT EXISTS _undoing_0015 ();
CREATE TABLE IF NOT EXISTS _stash_0015_triggers AS SELECT id, sealed_secret, sealed_previous_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0015_triggers ON _stash_0015_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0015_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0015_triggers VALUES (NEW.id, NEW.sealed_secret, NEW.sealed_previous_secret) ON CONFLICT (id) DO UPDATE SET sealed_secret = EXCLUDED.sealed_secret, sealed_previous_secret = EXCLUDED.sealed_previous_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0015_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0015_triggers_capture();
INSERT INTO _stash_0015_triggers SELECT id, sealed_secret, sealed_previous_secret FROM triggers WHERE id BETWEEN 1 AND 4 AND (sealed_secret IS DISTINCT FROM NULL OR sealed_previous_secret IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0015_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0015_triggers_capture();
ALTER TABLE triggers DROP COLUMN sealed_secret;
ALTER TABLE triggers DROP COLUMN sealed_previous_secret;
DROP TABLE IF EXISTS _undoing_0015;
UPDATE hookonce_alembic_version SET version_num='0014' WHERE hookonce_alembic_version.version_num = '0015';
CREATE TABLE IF NOT EXISTS _undoing_0014 ();
ALTER TABLE key_mismatches RENAME TO _stash_0014_key_mismatches;
ALTER TABLE execution_repeats RENAME TO _stash_0014_execution_repeats;
ALTER TABLE delivery_counts RENAME TO _stash_0014_delivery_counts;
DROP TABLE IF EXISTS _undoing_0014;
UPDATE hookonce_alembic_version SET version_num='0013' WHERE hookonce_alembic_version.version_num = '0014';
CREATE TABLE IF NOT EXISTS _undoing_0013 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_due;
CREATE INDEX CONCURRENTLY ix_trigger_executions_due ON trigger_executions (next_attempt_at, id) WHERE status IN ('pending', 'retrying');
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_status;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_finished;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_leased;
CREATE TABLE IF NOT EXISTS _stash_0013_trigger_executions AS SELECT id, finished_by FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0013_trigger_executions ON _stash_0013_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0013_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0013_trigger_executions VALUES (NEW.id, NEW.finished_by) ON CONFLICT (id) DO UPDATE SET finished_by = EXCLUDED.finished_by; RETURN NULL; END $$;
CREATE TRIGGER _stash_0013_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0013_trigger_executions_capture();
INSERT INTO _stash_0013_trigger_executions SELECT id, finished_by FROM trigger_executions WHERE id BETWEEN 1 AND 4 AND (finished_by IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0013_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0013_trigger_executions_capture();
ALTER TABLE trigger_executions DROP COLUMN finished_by;
DROP TABLE IF EXISTS _undoing_0013;
UPDATE hookonce_alembic_version SET version_num='0012' WHERE hookonce_alembic_version.version_num = '0013';
CREATE TABLE IF NOT EXISTS _undoing_0012 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_trigger;
CREATE TABLE IF NOT EXISTS _stash_0012_trigger_executions AS SELECT id, received_at, payload_digest FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0012_trigger_executions ON _stash_0012_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0012_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0012_trigger_executions VALUES (NEW.id, NEW.received_at, NEW.payload_digest) ON CONFLICT (id) DO UPDATE SET received_at = EXCLUDED.received_at, payload_digest = EXCLUDED.payload_digest; RETURN NULL; END $$;
CREATE TRIGGER _stash_0012_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0012_trigger_executions_capture();
INSERT INTO _stash_0012_trigger_executions SELECT id, received_at, payload_digest FROM trigger_executions WHERE id BETWEEN 1 AND 4 AND (received_at IS DISTINCT FROM NULL OR payload_digest IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0012_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0012_trigger_executions_capture();
ALTER TABLE trigger_executions DROP COLUMN received_at;
ALTER TABLE trigger_executions DROP COLUMN payload_digest;
DROP TABLE IF EXISTS _undoing_0012;
UPDATE hookonce_alembic_version SET version_num='0011' WHERE hookonce_alembic_version.version_num = '0012';
CREATE TABLE IF NOT EXISTS _undoing_0011 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_dead;
CREATE TABLE IF NOT EXISTS _stash_0011_execution_attempts AS SELECT id, error_reason FROM execution_attempts WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0011_execution_attempts ON _stash_0011_execution_attempts (id);
CREATE OR REPLACE FUNCTION _stash_0011_execution_attempts_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0011_execution_attempts VALUES (NEW.id, NEW.error_reason) ON CONFLICT (id) DO UPDATE SET error_reason = EXCLUDED.error_reason; RETURN NULL; END $$;
CREATE TRIGGER _stash_0011_execution_attempts_capture AFTER INSERT OR UPDATE ON execution_attempts FOR EACH ROW EXECUTE FUNCTION _stash_0011_execution_attempts_capture();
INSERT INTO _stash_0011_execution_attempts SELECT id, error_reason FROM execution_attempts WHERE id BETWEEN 1 AND 4 AND (error_reason IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0011_execution_attempts_capture ON execution_attempts;
DROP FUNCTION IF EXISTS _stash_0011_execution_attempts_capture();
ALTER TABLE execution_attempts DROP COLUMN error_reason;
CREATE TABLE IF NOT EXISTS _stash_0011_trigger_executions AS SELECT id, error_reason FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0011_trigger_executions ON _stash_0011_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0011_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0011_trigger_executions VALUES (NEW.id, NEW.error_reason) ON CONFLICT (id) DO UPDATE SET error_reason = EXCLUDED.error_reason; RETURN NULL; END $$;
CREATE TRIGGER _stash_0011_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0011_trigger_executions_capture();
INSERT INTO _stash_0011_trigger_executions SELECT id, error_reason FROM trigger_executions WHERE id BETWEEN 1 AND 4 AND (error_reason IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0011_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0011_trigger_executions_capture();
ALTER TABLE trigger_executions DROP COLUMN error_reason;
DROP TABLE IF EXISTS _undoing_0011;
UPDATE hookonce_alembic_version SET version_num='0010' WHERE hookonce_alembic_version.version_num = '0011';
CREATE TABLE IF NOT EXISTS _undoing_0010 ();
ALTER TABLE trigger_breakers RENAME TO _stash_0010_trigger_breakers;
DROP TABLE IF EXISTS _undoing_0010;
UPDATE hookonce_alembic_version SET version_num='0009' WHERE hookonce_alembic_version.version_num = '0010';
CREATE TABLE IF NOT EXISTS _undoing_0009 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_retrying;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_turn;
CREATE TABLE IF NOT EXISTS _stash_0009_triggers AS SELECT id, retry_policy, max_concurrency FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0009_triggers ON _stash_0009_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0009_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0009_triggers VALUES (NEW.id, NEW.retry_policy, NEW.max_concurrency) ON CONFLICT (id) DO UPDATE SET retry_policy = EXCLUDED.retry_policy, max_concurrency = EXCLUDED.max_concurrency; RETURN NULL; END $$;
CREATE TRIGGER _stash_0009_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0009_triggers_capture();
INSERT INTO _stash_0009_triggers SELECT id, retry_policy, max_concurrency FROM triggers WHERE id BETWEEN 1 AND 4 AND (retry_policy IS DISTINCT FROM NULL OR max_concurrency IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0009_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0009_triggers_capture();
ALTER TABLE triggers DROP COLUMN retry_policy;
ALTER TABLE triggers DROP COLUMN max_concurrency;
DROP TABLE IF EXISTS _undoing_0009;
UPDATE hookonce_alembic_version SET version_num='0008' WHERE hookonce_alembic_version.version_num = '0009';
CREATE TABLE IF NOT EXISTS _undoing_0008 ();
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_idem_incoming;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_idem_incoming ON trigger_executions (trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
DROP INDEX IF EXISTS uq_trigger_idem;
ALTER INDEX uq_trigger_idem_incoming RENAME TO uq_trigger_idem;
CREATE TABLE IF NOT EXISTS _stash_0008_trigger_executions AS SELECT id, replay_of_id, chain_id FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0008_trigger_executions ON _stash_0008_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0008_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0008_trigger_executions VALUES (NEW.id, NEW.replay_of_id, NEW.chain_id) ON CONFLICT (id) DO UPDATE SET replay_of_id = EXCLUDED.replay_of_id, chain_id = EXCLUDED.chain_id; RETURN NULL; END $$;
CREATE TRIGGER _stash_0008_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0008_trigger_executions_capture();
INSERT INTO _stash_0008_trigger_executions SELECT id, replay_of_id, chain_id FROM trigger_executions WHERE id BETWEEN 1 AND 4 AND (replay_of_id IS DISTINCT FROM NULL OR chain_id IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0008_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0008_trigger_executions_capture();
DROP INDEX uq_trigger_executions_replay_of;
ALTER TABLE trigger_executions DROP COLUMN replay_of_id;
ALTER TABLE trigger_executions DROP COLUMN chain_id;
DROP TABLE IF EXISTS _undoing_0008;
UPDATE hookonce_alembic_version SET version_num='0007' WHERE hookonce_alembic_version.version_num = '0008';
CREATE TABLE IF NOT EXISTS _undoing_0007 ();
CREATE TABLE IF NOT EXISTS _stash_0007_triggers AS SELECT id, previous_secret, previous_secret_expires_at FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0007_triggers ON _stash_0007_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0007_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0007_triggers VALUES (NEW.id, NEW.previous_secret, NEW.previous_secret_expires_at) ON CONFLICT (id) DO UPDATE SET previous_secret = EXCLUDED.previous_secret, previous_secret_expires_at = EXCLUDED.previous_secret_expires_at; RETURN NULL; END $$;
CREATE TRIGGER _stash_0007_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0007_triggers_capture();
INSERT INTO _stash_0007_triggers SELECT id, previous_secret, previous_secret_expires_at FROM triggers WHERE id BETWEEN 1 AND 4 AND (previous_secret IS DISTINCT FROM NULL OR previous_secret_expires_at IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0007_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0007_triggers_capture();
ALTER TABLE triggers DROP COLUMN previous_secret;
ALTER TABLE triggers DROP COLUMN previous_secret_expires_at;
DROP TABLE IF EXISTS _undoing_0007;
UPDATE hookonce_alembic_version SET version_num='0006' WHERE hookonce_alembic_version.version_num = '0007';
CREATE TABLE IF NOT EXISTS _undoing_0006 ();
CREATE TABLE IF NOT EXISTS _stash_0006_triggers AS SELECT id, idempotency_key_from, missing_key, tolerance_seconds FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0006_triggers ON _stash_0006_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0006_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0006_triggers VALUES (NEW.id, NEW.idempotency_key_from, NEW.missing_key, NEW.tolerance_seconds) ON CONFLICT (id) DO UPDATE SET idempotency_key_from = EXCLUDED.idempotency_key_from, missing_key = EXCLUDED.missing_key, tolerance_seconds = EXCLUDED.tolerance_seconds; RETURN NULL; END $$;
CREATE TRIGGER _stash_0006_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0006_triggers_capture();
INSERT INTO _stash_0006_triggers SELECT id, idempotency_key_from, missing_key, tolerance_seconds FROM triggers WHERE id BETWEEN 1 AND 4 AND (idempotency_key_from IS DISTINCT FROM NULL OR missing_key IS DISTINCT FROM NULL OR tolerance_seconds IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0006_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0006_triggers_capture();
ALTER TABLE triggers DROP COLUMN idempotency_key_from;
ALTER TABLE triggers DROP COLUMN missing_key;
ALTER TABLE triggers DROP COLUMN tolerance_seconds;
DROP TABLE IF EXISTS _undoing_0006;
UPDATE hookonce_alembic_version SET version_num='0005' WHERE hookonce_alembic_version.version_num = '0006';
CREATE TABLE IF NOT EXISTS _undoing_0005 ();
ALTER TABLE execution_requests RENAME TO _stash_0005_execution_requests;
DROP TABLE IF EXISTS _undoing_0005;
UPDATE hookonce_alembic_version SET version_num='0004' WHERE hookonce_alembic_version.version_num = '0005';
CREATE TABLE IF NOT EXISTS _undoing_0004 ();
ALTER TABLE execution_attempts RENAME TO _stash_0004_execution_attempts;
DROP TABLE IF EXISTS _undoing_0004;
UPDATE hookonce_alembic_version SET version_num='0003' WHERE hookonce_alembic_version.version_num = '0004';
CREATE TABLE IF NOT EXISTS _undoing_0003 ();
CREATE TABLE IF NOT EXISTS _stash_0003_trigger_executions AS SELECT id, attempt_count, next_attempt_at, lease_owner, lease_expires_at FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0003_trigger_executions ON _stash_0003_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0003_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0003_trigger_executions VALUES (NEW.id, NEW.attempt_count, NEW.next_attempt_at, NEW.lease_owner, NEW.lease_expires_at) ON CONFLICT (id) DO UPDATE SET attempt_count = EXCLUDED.attempt_count, next_attempt_at = EXCLUDED.next_attempt_at, lease_owner = EXCLUDED.lease_owner, lease_expires_at = EXCLUDED.lease_expires_at; RETURN NULL; END $$;
CREATE TRIGGER _stash_0003_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0003_trigger_executions_capture();
INSERT INTO _stash_0003_trigger_executions SELECT id, attempt_count, next_attempt_at, lease_owner, lease_expires_at FROM trigger_executions WHERE id BETWEEN 1 AND 4 AND (attempt_count IS DISTINCT FROM 0 OR next_attempt_at IS DISTINCT FROM '1970-01-01 00:00:00'::timestamp without time zone OR lease_owner IS DISTINCT FROM NULL OR lease_expires_at IS DISTINCT FROM NULL OR status IN ('pending', 'running', 'retrying')) ON CONFLICT DO NOTHING;
