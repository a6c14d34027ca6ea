BEGIN TRANSACTION;
CREATE TABLE _stash_0002_trigger_executions(
  id INT,
  idempotency_key TEXT,
  error_category TEXT,
  last_replay_at NUM
);
INSERT INTO "_stash_0002_trigger_executions" VALUES(1,'25 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','permanent','2024-03-01 00:00:24.123456');
INSERT INTO "_stash_0002_trigger_executions" VALUES(2,'26 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','transient','2024-03-01 00:00:25.123456');
CREATE TABLE _stash_0003_trigger_executions(
  id INT,
  attempt_count INT,
  next_attempt_at NUM,
  lease_owner TEXT,
  lease_expires_at NUM
);
INSERT INTO "_stash_0003_trigger_executions" VALUES(1,25,'2024-03-01 00:00:24.123456',NULL,'2024-03-01 00:00:24.123456');
INSERT INTO "_stash_0003_trigger_executions" VALUES(2,26,'2024-03-01 00:00:25.123456',NULL,'2024-03-01 00:00:25.123456');
INSERT INTO "_stash_0003_trigger_executions" VALUES(3,27,NULL,NULL,NULL);
INSERT INTO "_stash_0003_trigger_executions" VALUES(4,0,'1970-01-01 00:00:00',NULL,NULL);
CREATE TABLE "_stash_0004_execution_attempts" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	execution_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	worker VARCHAR(100) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	outcome VARCHAR(20), 
	error TEXT, 
	error_category VARCHAR(20), 
	http_status INTEGER, 
	CONSTRAINT fk_execution_attempts_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE, 
	CONSTRAINT uq_execution_attempts_execution_id UNIQUE (execution_id, number), 
	CONSTRAINT ck_execution_attempts_outcome CHECK (outcome IN ('succeeded', 'failed', 'lost')), 
	CONSTRAINT ck_execution_attempts_finished_with_outcome CHECK ((outcome IS NULL) = (finished_at IS NULL))
);
INSERT INTO "_stash_0004_execution_attempts" VALUES(1,3,29,'29 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:28.123456','2024-03-01 00:00:28.123456','lost','29 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','permanent',29);
INSERT INTO "_stash_0004_execution_attempts" VALUES(2,2,30,'30 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:29.123456','2024-03-01 00:00:29.123456','succeeded','30 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','transient',30);
INSERT INTO "_stash_0004_execution_attempts" VALUES(3,1,31,'31 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:30.123456',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "_stash_0004_execution_attempts" VALUES(4,4,32,'32 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:31.123456',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "_stash_0005_execution_requests" (
	execution_id INTEGER NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_execution_requests PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_requests_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0005_execution_requests" VALUES(1,'38 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','38 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0005_execution_requests" VALUES(2,NULL,'39 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'');
INSERT INTO "_stash_0005_execution_requests" VALUES(3,'37 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','37 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0005_execution_requests" VALUES(4,NULL,'40 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
CREATE TABLE _stash_0006_triggers(
  id INT,
  idempotency_key_from TEXT,
  missing_key TEXT,
  tolerance_seconds REAL
);
INSERT INTO "_stash_0006_triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s ',13.1);
INSERT INTO "_stash_0006_triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s ',14.1);
CREATE TABLE _stash_0007_triggers(
  id INT,
  previous_secret TEXT,
  previous_secret_expires_at NUM
);
INSERT INTO "_stash_0007_triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:12.123456');
INSERT INTO "_stash_0007_triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:13.123456');
CREATE TABLE _stash_0008_trigger_executions(
  id INT,
  replay_of_id INT,
  chain_id INT
);
INSERT INTO "_stash_0008_trigger_executions" VALUES(1,25,25);
INSERT INTO "_stash_0008_trigger_executions" VALUES(2,26,26);
CREATE TABLE _stash_0009_triggers(
  id INT,
  retry_policy TEXT,
  max_concurrency INT
);
INSERT INTO "_stash_0009_triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',13);
INSERT INTO "_stash_0009_triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',14);
CREATE TABLE "_stash_0010_trigger_breakers" (
	trigger_id INTEGER NOT NULL, 
	failure_count INTEGER DEFAULT 0 NOT NULL, 
	opened_at DATETIME, 
	probe_at DATETIME, 
	CONSTRAINT pk_trigger_breakers PRIMARY KEY (trigger_id), 
	CONSTRAINT fk_trigger_breakers_trigger_id_triggers FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE, 
	CONSTRAINT ck_trigger_breakers_open_with_probe CHECK ((opened_at IS NULL) = (probe_at IS NULL))
);
INSERT INTO "_stash_0010_trigger_breakers" VALUES(1,23,NULL,NULL);
INSERT INTO "_stash_0010_trigger_breakers" VALUES(2,22,'2024-03-01 00:00:21.123456','2024-03-01 00:00:21.123456');
INSERT INTO "_stash_0010_trigger_breakers" VALUES(3,21,'2024-03-01 00:00:20.123456','2024-03-01 00:00:20.123456');
INSERT INTO "_stash_0010_trigger_breakers" VALUES(4,0,NULL,NULL);
CREATE TABLE _stash_0011_execution_attempts(
  id INT,
  error_reason TEXT
);
INSERT INTO "_stash_0011_execution_attempts" VALUES(1,'29 🪝 it''s "odd" \ 100% :name
l');
INSERT INTO "_stash_0011_execution_attempts" VALUES(2,'30 🪝 it''s "odd" \ 100% :name
l');
CREATE TABLE _stash_0011_trigger_executions(
  id INT,
  error_reason TEXT
);
INSERT INTO "_stash_0011_trigger_executions" VALUES(1,'25 🪝 it''s "odd" \ 100% :name
l');
INSERT INTO "_stash_0011_trigger_executions" VALUES(2,'26 🪝 it''s "odd" \ 100% :name
l');
CREATE TABLE _stash_0012_trigger_executions(
  id INT,
  received_at NUM,
  payload_digest TEXT
);
INSERT INTO "_stash_0012_trigger_executions" VALUES(1,'2024-03-01 00:00:24.123456','25 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0012_trigger_executions" VALUES(2,'2024-03-01 00:00:25.123456','26 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
CREATE TABLE _stash_0013_trigger_executions(
  id INT,
  finished_by TEXT
);
INSERT INTO "_stash_0013_trigger_executions" VALUES(1,'25 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0013_trigger_executions" VALUES(2,'26 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
CREATE TABLE "_stash_0014_delivery_counts" (
	trigger_id INTEGER NOT NULL, 
	hour DATETIME NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_delivery_counts PRIMARY KEY (hour, trigger_id, outcome)
);
INSERT INTO "_stash_0014_delivery_counts" VALUES(1,'2024-03-01 00:00:00.123456','failed',1);
INSERT INTO "_stash_0014_delivery_counts" VALUES(2,'2024-03-01 00:00:01.123456','lost',2);
INSERT INTO "_stash_0014_delivery_counts" VALUES(3,'2024-03-01 00:00:02.123456','succeeded',3);
INSERT INTO "_stash_0014_delivery_counts" VALUES(4,'2024-03-01 00:00:03.123456','failed',4);
CREATE TABLE "_stash_0014_execution_repeats" (
	execution_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	last_at DATETIME NOT NULL, 
	CONSTRAINT pk_execution_repeats PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_repeats_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0014_execution_repeats" VALUES(1,35,'2024-03-01 00:00:34.123456');
INSERT INTO "_stash_0014_execution_repeats" VALUES(2,34,'2024-03-01 00:00:33.123456');
INSERT INTO "_stash_0014_execution_repeats" VALUES(3,33,'2024-03-01 00:00:32.123456');
INSERT INTO "_stash_0014_execution_repeats" VALUES(4,36,'2024-03-01 00:00:35.123456');
CREATE TABLE "_stash_0014_key_mismatches" (
	execution_id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	number BIGINT NOT NULL, 
	first_at DATETIME NOT NULL, 
	last_at DATETIME NOT NULL, 
	CONSTRAINT pk_key_mismatches PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_key_mismatches_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0014_key_mismatches" VALUES(3,'41 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',41,'2024-03-01 00:00:40.123456','2024-03-01 00:00:40.123456');
INSERT INTO "_stash_0014_key_mismatches" VALUES(4,'42 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',42,'2024-03-01 00:00:41.123456','2024-03-01 00:00:41.123456');
INSERT INTO "_stash_0014_key_mismatches" VALUES(1,'43 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',43,'2024-03-01 00:00:42.123456','2024-03-01 00:00:42.123456');
INSERT INTO "_stash_0014_key_mismatches" VALUES(2,'44 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',44,'2024-03-01 00:00:43.123456','2024-03-01 00:00:43.123456');
CREATE TABLE _stash_0015_triggers(
  id INT,
  sealed_secret TEXT,
  sealed_previous_secret TEXT
);
INSERT INTO "_stash_0015_triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0015_triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
CREATE TABLE "_stash_0016_hookonce_audit" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DATETIME NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	origin VARCHAR(100), 
	action VARCHAR(50) NOT NULL, 
	subject VARCHAR(100) NOT NULL, 
	"before" TEXT, 
	"after" TEXT
);
INSERT INTO "_stash_0016_hookonce_audit" VALUES(1,'2024-03-01 00:00:04.123456','5 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','5 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','5 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; -','5 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','5 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','5 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0016_hookonce_audit" VALUES(2,'2024-03-01 00:00:05.123456','6 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','6 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','6 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; -','6 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','6 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','6 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0016_hookonce_audit" VALUES(3,'2024-03-01 00:00:06.123456','7 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'7 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; -','7 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,NULL);
INSERT INTO "_stash_0016_hookonce_audit" VALUES(4,'2024-03-01 00:00:07.123456','8 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'8 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; -','8 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,NULL);
CREATE TABLE "_stash_0016_hookonce_sessions" (
	session_hash VARCHAR(64) NOT NULL, 
	token_id INTEGER NOT NULL, 
	csrf_token VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_hookonce_sessions PRIMARY KEY (session_hash), 
	CONSTRAINT fk_hookonce_sessions_token_id_hookonce_tokens FOREIGN KEY(token_id) REFERENCES "_stash_0016_hookonce_tokens" (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('17 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',3,'17 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:16.123456','2024-03-01 00:00:16.123456');
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('18 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',2,'18 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:17.123456','2024-03-01 00:00:17.123456');
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('19 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',1,'19 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:18.123456','2024-03-01 00:00:18.123456');
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('20 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',4,'20 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:19.123456','2024-03-01 00:00:19.123456');
CREATE TABLE "_stash_0016_hookonce_tokens" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(200) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(200), 
	expires_at DATETIME, 
	last_used_at DATETIME, 
	revoked_at DATETIME, 
	CONSTRAINT uq_hookonce_tokens_token_hash UNIQUE (token_hash), 
	CONSTRAINT ck_hookonce_tokens_role CHECK (role IN ('viewer', 'operator', 'admin'))
);
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(1,'9 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','viewer','9 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:08.123456','9 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:08.123456','2024-03-01 00:00:08.123456','2024-03-01 00:00:08.123456');
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(2,'10 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','operator','10 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:09.123456','10 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:09.123456','2024-03-01 00:00:09.123456','2024-03-01 00:00:09.123456');
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(3,'11 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','admin','11 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:10.123456',NULL,NULL,NULL,NULL);
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(4,'12 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','viewer','12 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:11.123456',NULL,NULL,NULL,NULL);
CREATE TABLE _stash_0017_triggers(
  id INT,
  keep_payload_seconds REAL,
  keep_rows_seconds REAL
);
INSERT INTO "_stash_0017_triggers" VALUES(1,13.1,13.1);
INSERT INTO "_stash_0017_triggers" VALUES(2,14.1,14.1);
CREATE TABLE _stash_0018_execution_attempts(
  id INT,
  duration_seconds REAL
);
INSERT INTO "_stash_0018_execution_attempts" VALUES(1,29.1);
INSERT INTO "_stash_0018_execution_attempts" VALUES(2,30.1);
CREATE TABLE _stash_0019_triggers(
  id INT,
  sealed_action_payload TEXT
);
INSERT INTO "_stash_0019_triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0019_triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
CREATE TABLE _stash_0020_hookonce_audit(
  id INT,
  token_id INT
);
INSERT INTO "_stash_0020_hookonce_audit" VALUES(1,5);
INSERT INTO "_stash_0020_hookonce_audit" VALUES(2,6);
CREATE TABLE "_stash_0021_mismatched_payloads" (
	execution_id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	trigger_id INTEGER NOT NULL, 
	received_at DATETIME NOT NULL, 
	event_data TEXT NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_mismatched_payloads PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_mismatched_payloads_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(3,'45 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',45,'2024-03-01 00:00:44.123456','45 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','45 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','45 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'');
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(2,'46 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',46,'2024-03-01 00:00:45.123456','46 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','46 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','46 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(1,'47 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',47,'2024-03-01 00:00:46.123456','47 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'47 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(4,'48 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',48,'2024-03-01 00:00:47.123456','48 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'48 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'');
CREATE TABLE _stash_0022_triggers(
  id INT,
  verification TEXT
);
INSERT INTO "_stash_0022_triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0022_triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
CREATE TABLE _stash_0023_triggers(
  id INT,
  max_body_bytes INT
);
INSERT INTO "_stash_0023_triggers" VALUES(1,13);
INSERT INTO "_stash_0023_triggers" VALUES(2,14);
CREATE TABLE hookonce_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hookonce_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "hookonce_alembic_version" VALUES('0001');
CREATE TABLE trigger_executions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	trigger_id INTEGER NOT NULL, 
	event_data TEXT, 
	status VARCHAR(20) DEFAULT 'pending' NOT NULL, 
	result_summary TEXT, 
	error TEXT, 
	duration_seconds FLOAT, 
	started_at DATETIME, 
	completed_at DATETIME, 
	CONSTRAINT fk_trigger_executions_trigger_id_triggers FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE
);
INSERT INTO "trigger_executions" VALUES(1,3,'25 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','failed','25 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','25 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',25.1,'2024-03-01 00:00:24.123456','2024-03-01 00:00:24.123456');
INSERT INTO "trigger_executions" VALUES(2,2,'26 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','failed_retryable','26 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','26 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',26.1,'2024-03-01 00:00:25.123456','2024-03-01 00:00:25.123456');
INSERT INTO "trigger_executions" VALUES(3,1,NULL,'pending',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trigger_executions" VALUES(4,4,NULL,'pending',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE triggers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(200) NOT NULL, 
	slug VARCHAR(200) NOT NULL, 
	type VARCHAR(20) DEFAULT 'webhook' NOT NULL, 
	source VARCHAR(50) DEFAULT 'custom' NOT NULL, 
	event_filter TEXT DEFAULT '{}', 
	action_type VARCHAR(20) NOT NULL, 
	action_payload TEXT, 
	agent VARCHAR(100), 
	secret VARCHAR(255), 
	enabled BOOLEAN DEFAULT 1 NOT NULL, 
	from_yaml BOOLEAN DEFAULT 0 NOT NULL, 
	remote_trigger_id VARCHAR(100), 
	source_plugin VARCHAR(100), 
	created_by INTEGER, 
	created_at DATETIME, 
	updated_at DATETIME, 
	CONSTRAINT uq_triggers_slug UNIQUE (slug)
);
INSERT INTO "triggers" VALUES(1,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','event','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s "odd" \ 10','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',0,0,'13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','13 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',13,'2024-03-01 00:00:12.123456','2024-03-01 00:00:12.123456');
INSERT INTO "triggers" VALUES(2,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','webhook','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s "odd" \ 10','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',1,1,'14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','14 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',14,'2024-03-01 00:00:13.123456','2024-03-01 00:00:13.123456');
INSERT INTO "triggers" VALUES(3,'15 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','15 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','event','15 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ',NULL,'15 🪝 it''s "odd" \ 10',NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "triggers" VALUES(4,'16 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','16 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','webhook','custom','{}','16 🪝 it''s "odd" \ 10',NULL,NULL,NULL,1,0,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX ix_hookonce_audit_subject ON "_stash_0016_hookonce_audit" (subject, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('_stash_0016_hookonce_audit',4);
INSERT INTO "sqlite_sequence" VALUES('_stash_0016_hookonce_tokens',4);
INSERT INTO "sqlite_sequence" VALUES('triggers',4);
INSERT INTO "sqlite_sequence" VALUES('trigger_executions',4);
INSERT INTO "sqlite_sequence" VALUES('_stash_0004_execution_attempts',4);
COMMIT;
