-- The database of an earlier version, as that version made it: a video that is done, one that waits, and a key.
CREATE TABLE about (
 schema INTEGER NOT NULL,
 PRIMARY KEY (schema)
);
CREATE TABLE deliveries (
 id VARCHAR(64) NOT NULL,
 url TEXT NOT NULL,
 body TEXT NOT NULL,
 created_at DOUBLE PRECISION NOT NULL,
 attempts INTEGER NOT NULL,
 next_at DOUBLE PRECISION NOT NULL,
 PRIMARY KEY (id)
);
CREATE INDEX ix_deliveries_next_at ON deliveries (next_at);
CREATE TABLE jobs (
 id VARCHAR(64) NOT NULL,
 owner VARCHAR(64) NOT NULL,
 kind VARCHAR(16) NOT NULL,
 model VARCHAR(200) NOT NULL,
 "order" JSON NOT NULL,
 seed BIGINT NOT NULL,
 narrative JSON,
 parent VARCHAR(64),
 idempotency_key VARCHAR(255),
 body_hash VARCHAR(64),
 status VARCHAR(16) NOT NULL,
 priority INTEGER NOT NULL,
 position DOUBLE PRECISION NOT NULL,
 created_at DOUBLE PRECISION NOT NULL,
 started_at DOUBLE PRECISION,
 completed_at DOUBLE PRECISION,
 expires_at DOUBLE PRECISION,
 stage VARCHAR(32),
 step INTEGER,
 steps INTEGER,
 eta DOUBLE PRECISION,
 attempts INTEGER NOT NULL,
 worker VARCHAR(200),
 lease_token VARCHAR(64),
 lease_until DOUBLE PRECISION,
 error JSON,
 artifacts JSON NOT NULL,
 bytes BIGINT NOT NULL,
 version INTEGER NOT NULL,
 PRIMARY KEY (id),
 UNIQUE (owner, idempotency_key)
);
CREATE INDEX jobs_by_expiry ON jobs (expires_at);
CREATE INDEX jobs_by_owner ON jobs (owner, kind, created_at, id);
CREATE INDEX jobs_by_place ON jobs (status, priority, position);
CREATE TABLE keys (
 id VARCHAR(64) NOT NULL,
 name VARCHAR(100) NOT NULL,
 hash VARCHAR(64) NOT NULL,
 created_at DOUBLE PRECISION NOT NULL,
 revoked_at DOUBLE PRECISION,
 PRIMARY KEY (id),
 UNIQUE (name),
 UNIQUE (hash)
);
CREATE TABLE workers (
 name VARCHAR(200) NOT NULL,
 models JSON NOT NULL,
 kinds JSON NOT NULL,
 seen_at DOUBLE PRECISION NOT NULL,
 PRIMARY KEY (name)
);
CREATE TABLE events (
 job_id VARCHAR(64) NOT NULL,
 number INTEGER NOT NULL,
 changes JSON NOT NULL,
 PRIMARY KEY (job_id, number),
 FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO about VALUES (1);
INSERT INTO jobs VALUES ('video_11111111111111111111111111111111', 'local', 'video', 'storyworld-tiny', '{"prompt": "A cat.", "options": {"fit": "crop"}, "image": "i", "image_size": [64, 64], "num_frames": 33, "size": "64x64", "interval": 0.2, "style": null, "webhook_url": null}', 7, NULL, NULL, NULL, NULL, 'completed', 1, 3.0, 1764000000.5, 1764000001.5, 1764000009.5, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, '{"video": "video_11111111111111111111111111111111/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/video.mp4"}', 9, 3);
INSERT INTO jobs VALUES ('video_22222222222222222222222222222222', 'local', 'video', 'storyworld-tiny', '{"prompt": "A cat.", "options": {"fit": "crop"}, "image": "i", "image_size": [64, 64], "num_frames": 33, "size": "64x64", "interval": 0.2, "style": null, "webhook_url": null}', 7, NULL, NULL, NULL, NULL, 'queued', 1, 5.5, 1764000000.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, '{}', 0, 0);
INSERT INTO keys VALUES ('key_0', 'anna', '0000000000000000000000000000000000000000000000000000000000000000', 1764000000.5, NULL);
