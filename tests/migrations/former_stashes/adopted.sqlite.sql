BEGIN TRANSACTION;
CREATE TABLE _stash_0002_trigger_executions(
  id INT,
  idempotency_key TEXT,
  error_category TEXT,
  last_replay_at NUM,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0002_trigger_executions" VALUES(14,'old 14',NULL,NULL,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0002_trigger_executions" VALUES(15,'old 14',NULL,NULL,3,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0002_trigger_executions" VALUES(16,'73 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','permanent','2024-03-01 00:01:12.123456',4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0002_trigger_executions" VALUES(17,'74 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','transient','2024-03-01 00:01:13.123456',3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
CREATE TABLE _stash_0003_trigger_executions(
  id INT,
  attempt_count INT,
  next_attempt_at NUM,
  lease_owner TEXT,
  lease_expires_at NUM,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0003_trigger_executions" VALUES(1,0,NULL,NULL,NULL,1,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0003_trigger_executions" VALUES(2,0,NULL,NULL,NULL,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0003_trigger_executions" VALUES(6,0,NULL,NULL,NULL,3,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0003_trigger_executions" VALUES(7,0,NULL,NULL,NULL,1,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0003_trigger_executions" VALUES(11,0,NULL,NULL,NULL,2,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0003_trigger_executions" VALUES(12,0,NULL,NULL,NULL,3,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0003_trigger_executions" VALUES(16,73,'2024-03-01 00:01:12.123456',NULL,'2024-03-01 00:01:12.123456',4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0003_trigger_executions" VALUES(17,74,'2024-03-01 00:01:13.123456',NULL,'2024-03-01 00:01:13.123456',3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
INSERT INTO "_stash_0003_trigger_executions" VALUES(18,75,NULL,NULL,NULL,2,NULL,NULL);
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
INSERT INTO "_stash_0004_execution_attempts" VALUES(1,18,77,'77 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:16.123456','2024-03-01 00:01:16.123456','lost','77 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','permanent',77);
INSERT INTO "_stash_0004_execution_attempts" VALUES(2,17,78,'78 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:17.123456','2024-03-01 00:01:17.123456','succeeded','78 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','transient',78);
INSERT INTO "_stash_0004_execution_attempts" VALUES(3,16,79,'79 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:18.123456',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "_stash_0004_execution_attempts" VALUES(4,15,80,'80 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:19.123456',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE _stash_0004_execution_attempts_parents(
  id INT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0004_execution_attempts_parents" VALUES(15,3,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0004_execution_attempts_parents" VALUES(16,4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0004_execution_attempts_parents" VALUES(17,3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
INSERT INTO "_stash_0004_execution_attempts_parents" VALUES(18,2,NULL,NULL);
CREATE TABLE "_stash_0005_execution_requests" (
	execution_id INTEGER NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_execution_requests PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_requests_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0005_execution_requests" VALUES(4,'86 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','86 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0005_execution_requests" VALUES(9,NULL,'88 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0005_execution_requests" VALUES(10,'85 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','85 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0005_execution_requests" VALUES(17,NULL,'87 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'');
CREATE TABLE _stash_0005_execution_requests_parents(
  id INT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0005_execution_requests_parents" VALUES(4,1,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0005_execution_requests_parents" VALUES(9,3,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0005_execution_requests_parents" VALUES(10,1,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0005_execution_requests_parents" VALUES(17,3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
CREATE TABLE _stash_0006_triggers(
  id INT,
  idempotency_key_from TEXT,
  missing_key TEXT,
  tolerance_seconds REAL,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0006_triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s ',65.1,'2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0006_triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s ',66.1,'2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE _stash_0007_triggers(
  id INT,
  previous_secret TEXT,
  previous_secret_expires_at NUM,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0007_triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:04.123456','2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0007_triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:05.123456','2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE _stash_0008_trigger_executions(
  id INT,
  replay_of_id INT,
  chain_id INT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0008_trigger_executions" VALUES(15,14,14,3,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0008_trigger_executions" VALUES(16,73,73,4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0008_trigger_executions" VALUES(17,74,74,3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
CREATE TABLE _stash_0009_triggers(
  id INT,
  retry_policy TEXT,
  max_concurrency INT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0009_triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',65,'2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0009_triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',66,'2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE "_stash_0010_trigger_breakers" (
	trigger_id INTEGER NOT NULL, 
	failure_count INTEGER DEFAULT 0 NOT NULL, 
	opened_at DATETIME, 
	probe_at DATETIME, 
	CONSTRAINT pk_trigger_breakers PRIMARY KEY (trigger_id), 
	CONSTRAINT fk_trigger_breakers_trigger_id_triggers FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE, 
	CONSTRAINT ck_trigger_breakers_open_with_probe CHECK ((opened_at IS NULL) = (probe_at IS NULL))
);
INSERT INTO "_stash_0010_trigger_breakers" VALUES(1,69,'2024-03-01 00:01:08.123456','2024-03-01 00:01:08.123456');
INSERT INTO "_stash_0010_trigger_breakers" VALUES(3,70,'2024-03-01 00:01:09.123456','2024-03-01 00:01:09.123456');
INSERT INTO "_stash_0010_trigger_breakers" VALUES(6,71,NULL,NULL);
INSERT INTO "_stash_0010_trigger_breakers" VALUES(7,0,NULL,NULL);
CREATE TABLE _stash_0010_trigger_breakers_parents(
  id INT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0010_trigger_breakers_parents" VALUES(1,'2024-02-29 23:59:59.123456','slug-0','fe613948a0c1802c181ddea82e203d30210c51ef1ed1173d266920d59f721e3f');
INSERT INTO "_stash_0010_trigger_breakers_parents" VALUES(3,'2024-02-29 23:59:59.123456','slug-2','fe613948a0c1802c181ddea82e203d30210c51ef1ed1173d266920d59f721e3f');
INSERT INTO "_stash_0010_trigger_breakers_parents" VALUES(6,NULL,'67 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','96a4d01af103944660f92b16b545b306663e7d25196da304cd922a9a5f9bcace');
INSERT INTO "_stash_0010_trigger_breakers_parents" VALUES(7,NULL,'68 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','4b2a95294b39f5258723ce97573466e7b48f4d4cd37f0eafe16f19947a43d37a');
CREATE TABLE _stash_0011_execution_attempts(
  id INT,
  error_reason TEXT,
  _row_execution_id INT,
  _row_number INT
);
INSERT INTO "_stash_0011_execution_attempts" VALUES(1,'77 🪝 it''s "odd" \ 100% :name
l',18,77);
INSERT INTO "_stash_0011_execution_attempts" VALUES(2,'78 🪝 it''s "odd" \ 100% :name
l',17,78);
CREATE TABLE _stash_0011_trigger_executions(
  id INT,
  error_reason TEXT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0011_trigger_executions" VALUES(16,'73 🪝 it''s "odd" \ 100% :name
l',4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0011_trigger_executions" VALUES(17,'74 🪝 it''s "odd" \ 100% :name
l',3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
CREATE TABLE _stash_0012_trigger_executions(
  id INT,
  received_at NUM,
  payload_digest TEXT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0012_trigger_executions" VALUES(16,'2024-03-01 00:01:12.123456','73 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0012_trigger_executions" VALUES(17,'2024-03-01 00:01:13.123456','74 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
CREATE TABLE _stash_0013_trigger_executions(
  id INT,
  finished_by TEXT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0013_trigger_executions" VALUES(16,'73 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',4,'2024-03-01 00:01:12.123456','fd396975579c5a33ad0987a3ea625ab0ae27cd7d15410c72112c4ca1c2185813');
INSERT INTO "_stash_0013_trigger_executions" VALUES(17,'74 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',3,'2024-03-01 00:01:13.123456','f9ef43f4de22a47787c00390a6cf50bf036d0140359cc0b11757994c4e3cc051');
CREATE TABLE "_stash_0014_delivery_counts" (
	trigger_id INTEGER NOT NULL, 
	hour DATETIME NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_delivery_counts PRIMARY KEY (hour, trigger_id, outcome)
);
INSERT INTO "_stash_0014_delivery_counts" VALUES(49,'2024-03-01 00:00:48.123456','failed',49);
INSERT INTO "_stash_0014_delivery_counts" VALUES(50,'2024-03-01 00:00:49.123456','lost',50);
INSERT INTO "_stash_0014_delivery_counts" VALUES(51,'2024-03-01 00:00:50.123456','succeeded',51);
INSERT INTO "_stash_0014_delivery_counts" VALUES(52,'2024-03-01 00:00:51.123456','failed',52);
CREATE TABLE _stash_0014_delivery_counts_parents(
  id INT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
CREATE TABLE "_stash_0014_execution_repeats" (
	execution_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	last_at DATETIME NOT NULL, 
	CONSTRAINT pk_execution_repeats PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_repeats_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0014_execution_repeats" VALUES(2,83,'2024-03-01 00:01:22.123456');
INSERT INTO "_stash_0014_execution_repeats" VALUES(8,82,'2024-03-01 00:01:21.123456');
INSERT INTO "_stash_0014_execution_repeats" VALUES(14,81,'2024-03-01 00:01:20.123456');
INSERT INTO "_stash_0014_execution_repeats" VALUES(15,84,'2024-03-01 00:01:23.123456');
CREATE TABLE _stash_0014_execution_repeats_parents(
  id INT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0014_execution_repeats_parents" VALUES(2,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0014_execution_repeats_parents" VALUES(8,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0014_execution_repeats_parents" VALUES(14,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0014_execution_repeats_parents" VALUES(15,3,'2024-02-29 23:59:59.123456',NULL);
CREATE TABLE "_stash_0014_key_mismatches" (
	execution_id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	number BIGINT NOT NULL, 
	first_at DATETIME NOT NULL, 
	last_at DATETIME NOT NULL, 
	CONSTRAINT pk_key_mismatches PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_key_mismatches_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
INSERT INTO "_stash_0014_key_mismatches" VALUES(6,'89 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',89,'2024-03-01 00:01:28.123456','2024-03-01 00:01:28.123456');
INSERT INTO "_stash_0014_key_mismatches" VALUES(19,'90 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',90,'2024-03-01 00:01:29.123456','2024-03-01 00:01:29.123456');
INSERT INTO "_stash_0014_key_mismatches" VALUES(12,'91 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',91,'2024-03-01 00:01:30.123456','2024-03-01 00:01:30.123456');
INSERT INTO "_stash_0014_key_mismatches" VALUES(4,'92 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',92,'2024-03-01 00:01:31.123456','2024-03-01 00:01:31.123456');
CREATE TABLE _stash_0014_key_mismatches_parents(
  id INT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0014_key_mismatches_parents" VALUES(4,1,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0014_key_mismatches_parents" VALUES(6,3,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0014_key_mismatches_parents" VALUES(12,3,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0014_key_mismatches_parents" VALUES(19,1,NULL,NULL);
CREATE TABLE _stash_0015_triggers(
  id INT,
  sealed_secret TEXT,
  sealed_previous_secret TEXT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0015_triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0015_triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
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
INSERT INTO "_stash_0016_hookonce_audit" VALUES(1,'2024-03-01 00:00:52.123456','53 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','53 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','53 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','53 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','53 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','53 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0016_hookonce_audit" VALUES(2,'2024-03-01 00:00:53.123456','54 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','54 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','54 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','54 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','54 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','54 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
INSERT INTO "_stash_0016_hookonce_audit" VALUES(3,'2024-03-01 00:00:54.123456','55 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'55 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','55 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,NULL);
INSERT INTO "_stash_0016_hookonce_audit" VALUES(4,'2024-03-01 00:00:55.123456','56 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'56 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','56 🪝 it''s "odd" \ 100% :name
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
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('61 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',3,'61 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:00.123456','2024-03-01 00:01:00.123456');
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('62 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',2,'62 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:01.123456','2024-03-01 00:01:01.123456');
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('63 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',1,'63 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:02.123456','2024-03-01 00:01:02.123456');
INSERT INTO "_stash_0016_hookonce_sessions" VALUES('64 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',4,'64 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:03.123456','2024-03-01 00:01:03.123456');
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
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(1,'57 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','viewer','57 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:56.123456','57 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:56.123456','2024-03-01 00:00:56.123456','2024-03-01 00:00:56.123456');
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(2,'58 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','operator','58 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:57.123456','58 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:57.123456','2024-03-01 00:00:57.123456','2024-03-01 00:00:57.123456');
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(3,'59 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','admin','59 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:58.123456',NULL,NULL,NULL,NULL);
INSERT INTO "_stash_0016_hookonce_tokens" VALUES(4,'60 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','viewer','60 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:00:59.123456',NULL,NULL,NULL,NULL);
CREATE TABLE _stash_0017_triggers(
  id INT,
  keep_payload_seconds REAL,
  keep_rows_seconds REAL,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0017_triggers" VALUES(4,65.1,65.1,'2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0017_triggers" VALUES(5,66.1,66.1,'2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE _stash_0018_execution_attempts(
  id INT,
  duration_seconds REAL,
  _row_execution_id INT,
  _row_number INT
);
INSERT INTO "_stash_0018_execution_attempts" VALUES(1,77.1,18,77);
INSERT INTO "_stash_0018_execution_attempts" VALUES(2,78.1,17,78);
CREATE TABLE _stash_0019_triggers(
  id INT,
  sealed_action_payload TEXT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0019_triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0019_triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE _stash_0020_hookonce_audit(
  id INT,
  token_id INT
);
INSERT INTO "_stash_0020_hookonce_audit" VALUES(1,53);
INSERT INTO "_stash_0020_hookonce_audit" VALUES(2,54);
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
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(2,'93 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',93,'2024-03-01 00:01:32.123456','93 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','93 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','93 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'');
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(15,'94 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',94,'2024-03-01 00:01:33.123456','94 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','94 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','94 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(8,'95 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',95,'2024-03-01 00:01:34.123456','95 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'95 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
INSERT INTO "_stash_0021_mismatched_payloads" VALUES(19,'96 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',96,'2024-03-01 00:01:35.123456','96 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'96 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',X'');
CREATE TABLE _stash_0021_mismatched_payloads_parents(
  id INT,
  _row_trigger_id INT,
  _row_started_at NUM,
  _row_event_data
);
INSERT INTO "_stash_0021_mismatched_payloads_parents" VALUES(2,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0021_mismatched_payloads_parents" VALUES(8,2,'2024-02-29 23:59:59.123456','59e4b9c77332d24335c4034ece756aba7656075d1a6400bdd986438ba125e911');
INSERT INTO "_stash_0021_mismatched_payloads_parents" VALUES(15,3,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "_stash_0021_mismatched_payloads_parents" VALUES(19,1,NULL,NULL);
CREATE TABLE _stash_0022_triggers(
  id INT,
  verification TEXT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0022_triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0022_triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE _stash_0023_triggers(
  id INT,
  max_body_bytes INT,
  _row_created_at NUM,
  _row_slug TEXT,
  _row_secret
);
INSERT INTO "_stash_0023_triggers" VALUES(4,65,'2024-03-01 00:01:04.123456','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','dda1a6a69ccd56189c48be26750183a446f1104e9ca2bc2ce9beb0bba61ddf16');
INSERT INTO "_stash_0023_triggers" VALUES(5,66,'2024-03-01 00:01:05.123456','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','32a52224f359df623cbac365bef536e818f980bce68ff8c51aa133f1084f46f1');
CREATE TABLE audit_log (
	id INTEGER NOT NULL, 
	user_id INTEGER, 
	what TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "audit_log" VALUES(1,1,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --');
CREATE TABLE hookonce_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hookonce_alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE trigger_executions (
	id INTEGER NOT NULL, 
	trigger_id INTEGER NOT NULL, 
	event_data TEXT, 
	status VARCHAR(20), 
	result_summary TEXT, 
	error TEXT, 
	duration_seconds FLOAT, 
	started_at DATETIME, 
	completed_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE
);
INSERT INTO "trigger_executions" VALUES(1,1,NULL,'pending',NULL,NULL,0.0,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(2,2,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','running',NULL,NULL,1.42857142857142849212e-01,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(3,3,NULL,'completed',NULL,NULL,2.85714285714285698425e-01,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(4,1,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','failed',NULL,NULL,4.28571428571428547638e-01,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(5,2,NULL,NULL,NULL,NULL,5.7142857142857139685e-01,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(6,3,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','pending',NULL,NULL,7.14285714285714301574e-01,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(7,1,NULL,'running',NULL,NULL,8.57142857142857095276e-01,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(8,2,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','completed',NULL,NULL,1.0,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(9,3,NULL,'failed',NULL,NULL,1.1428571428571427937e+00,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(10,1,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,NULL,NULL,1.28571428571428580944e+00,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(11,2,NULL,'pending',NULL,NULL,1.42857142857142860314e+00,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(12,3,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','running',NULL,NULL,1.57142857142857139685e+00,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(13,1,NULL,'completed',NULL,NULL,1.71428571428571419055e+00,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(14,2,'🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','failed',NULL,NULL,1.85714285714285720629e+00,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(15,3,NULL,NULL,NULL,NULL,2.0,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "trigger_executions" VALUES(16,4,'73 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','completed','73 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','73 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',73.1,'2024-03-01 00:01:12.123456','2024-03-01 00:01:12.123456');
INSERT INTO "trigger_executions" VALUES(17,3,'74 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','failed','74 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','74 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',74.1,'2024-03-01 00:01:13.123456','2024-03-01 00:01:13.123456');
INSERT INTO "trigger_executions" VALUES(18,2,NULL,'pending',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trigger_executions" VALUES(19,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE triggers (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	slug VARCHAR(200) NOT NULL, 
	type VARCHAR(20) NOT NULL, 
	source VARCHAR(50) NOT NULL, 
	event_filter TEXT, 
	action_type VARCHAR(20) NOT NULL, 
	action_payload TEXT NOT NULL, 
	agent VARCHAR(100), 
	secret VARCHAR(128) NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	from_yaml BOOLEAN, 
	remote_trigger_id VARCHAR(100), 
	source_plugin VARCHAR(100), 
	created_by INTEGER, 
	created_at DATETIME, 
	updated_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (slug), 
	FOREIGN KEY(created_by) REFERENCES users (id)
);
INSERT INTO "triggers" VALUES(1,'0 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','slug-0','webhook','github','{}','skill','🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss',1,0,NULL,NULL,NULL,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "triggers" VALUES(2,'1 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','slug-1','webhook','github','{}','skill','🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss',0,0,NULL,NULL,1,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "triggers" VALUES(3,'2 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','slug-2','webhook','github','{}','skill','🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss',1,0,NULL,NULL,1,'2024-02-29 23:59:59.123456',NULL);
INSERT INTO "triggers" VALUES(4,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','event','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s "odd" \ 10','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',0,0,'65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','65 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',1,'2024-03-01 00:01:04.123456','2024-03-01 00:01:04.123456');
INSERT INTO "triggers" VALUES(5,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','webhook','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s "odd" \ 10','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',1,1,'66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','66 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',2,'2024-03-01 00:01:05.123456','2024-03-01 00:01:05.123456');
INSERT INTO "triggers" VALUES(6,'67 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','67 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','event','67 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ',NULL,'67 🪝 it''s "odd" \ 10','67 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'67 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "triggers" VALUES(7,'68 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','68 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --','webhook','68 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; ',NULL,'68 🪝 it''s "odd" \ 10','68 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',NULL,'68 🪝 it''s "odd" \ 100% :name
line	tab ünï 日本 $$ ; --',1,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	email VARCHAR(200), 
	PRIMARY KEY (id), 
	UNIQUE (email)
);
INSERT INTO "users" VALUES(1,'0@example.com');
INSERT INTO "users" VALUES(2,'1@example.com');
CREATE INDEX ix_audit_log_user_id ON audit_log (user_id);
CREATE INDEX ix_hookonce_audit_subject ON "_stash_0016_hookonce_audit" (subject, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('_stash_0016_hookonce_audit',4);
INSERT INTO "sqlite_sequence" VALUES('_stash_0016_hookonce_tokens',4);
INSERT INTO "sqlite_sequence" VALUES('_stash_0004_execution_attempts',4);
COMMIT;
