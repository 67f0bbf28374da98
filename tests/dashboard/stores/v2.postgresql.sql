CREATE TABLE public.about (
    name character varying(64) NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.accounts (
    name character varying(32) NOT NULL,
    role character varying(16) NOT NULL,
    disabled boolean NOT NULL,
    password character varying(200) NOT NULL,
    changed_ns bigint NOT NULL
);
CREATE TABLE public.actions (
    id bigint NOT NULL,
    alarm character varying(32) NOT NULL,
    time_ns bigint NOT NULL,
    author character varying(64) NOT NULL,
    action character varying(16) NOT NULL,
    reason character varying(32) NOT NULL,
    note text NOT NULL,
    owner character varying(64) NOT NULL,
    state_before character varying(16) NOT NULL,
    state_after character varying(16) NOT NULL
);
CREATE SEQUENCE public.actions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.actions_id_seq OWNED BY public.actions.id;
CREATE TABLE public.alarms (
    id character varying(32) NOT NULL,
    site character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    is_open boolean NOT NULL,
    suspicion integer NOT NULL,
    center_freq_hz double precision NOT NULL,
    first_seen_ns bigint NOT NULL,
    last_seen_ns bigint NOT NULL,
    changed_ns bigint NOT NULL,
    card text NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE public.audit (
    seq bigint NOT NULL,
    time_ns bigint NOT NULL,
    actor character varying(64) NOT NULL,
    act character varying(64) NOT NULL,
    subject character varying(200) NOT NULL,
    detail text NOT NULL,
    prev_hash character varying(64) NOT NULL,
    hash character varying(64) NOT NULL
);
CREATE TABLE public.clips (
    site character varying(64) NOT NULL,
    name character varying(128) NOT NULL,
    sensor character varying(64) NOT NULL,
    emitter character varying(64) NOT NULL,
    start_ns bigint NOT NULL,
    stop_ns bigint NOT NULL,
    sha256 character varying(64) NOT NULL,
    announced_ns bigint NOT NULL,
    arrived_ns bigint NOT NULL,
    dropped_ns bigint NOT NULL
);
CREATE TABLE public.deliveries (
    id bigint NOT NULL,
    receiver character varying(32) NOT NULL,
    news character varying(16) NOT NULL,
    subject character varying(64) NOT NULL,
    raised_ns bigint NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    state character varying(16) NOT NULL,
    tries integer NOT NULL,
    made_ns bigint NOT NULL,
    next_ns bigint NOT NULL,
    done_ns bigint NOT NULL,
    error text NOT NULL
);
CREATE SEQUENCE public.deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.deliveries_id_seq OWNED BY public.deliveries.id;
CREATE TABLE public.emitters (
    sensor character varying(64) NOT NULL,
    emitter character varying(64) NOT NULL,
    alarm character varying(32) NOT NULL
);
CREATE TABLE public.events (
    id bigint NOT NULL,
    peer character varying(64) NOT NULL,
    epoch character varying(64) NOT NULL,
    seq bigint NOT NULL,
    kind character varying(16) NOT NULL,
    site character varying(64) NOT NULL,
    sensor character varying(64) NOT NULL,
    time_ns bigint NOT NULL,
    received_ns bigint NOT NULL,
    clock_offset_ns bigint,
    alarm character varying(32),
    record bytea NOT NULL,
    signature bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
CREATE TABLE public.exams (
    id bigint NOT NULL,
    name character varying(200) NOT NULL,
    site character varying(64) NOT NULL,
    start_ns bigint NOT NULL,
    stop_ns bigint NOT NULL,
    drill_s double precision NOT NULL,
    armed_s double precision NOT NULL,
    closing_s double precision NOT NULL,
    author character varying(64) NOT NULL,
    created_ns bigint NOT NULL,
    ended_ns bigint NOT NULL,
    ended_by character varying(64) NOT NULL
);
CREATE TABLE public.known (
    id bigint NOT NULL,
    low_hz double precision NOT NULL,
    high_hz double precision NOT NULL,
    name character varying(200) NOT NULL,
    reason character varying(200) NOT NULL,
    site character varying(64) NOT NULL,
    start_ns bigint NOT NULL,
    stop_ns bigint NOT NULL,
    author character varying(64) NOT NULL,
    created_ns bigint NOT NULL,
    ended_ns bigint NOT NULL,
    ended_by character varying(64) NOT NULL
);
CREATE TABLE public.notices (
    id bigint NOT NULL,
    site character varying(64) NOT NULL,
    sensor character varying(64) NOT NULL,
    level character varying(16) NOT NULL,
    note_id character varying(200) NOT NULL,
    note text NOT NULL,
    start_ns bigint NOT NULL,
    stop_ns bigint NOT NULL
);
CREATE SEQUENCE public.notices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.notices_id_seq OWNED BY public.notices.id;
CREATE TABLE public.sessions (
    digest character varying(64) NOT NULL,
    name character varying(32) NOT NULL,
    role character varying(16) NOT NULL,
    until_ns bigint NOT NULL
);
CREATE TABLE public.sites (
    site character varying(64) NOT NULL,
    received_ns bigint NOT NULL,
    heartbeat bytea NOT NULL
);
CREATE TABLE public.standings (
    id bigint NOT NULL,
    peer character varying(64) NOT NULL,
    epoch character varying(64) NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE SEQUENCE public.standings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.standings_id_seq OWNED BY public.standings.id;
CREATE TABLE public.tokens (
    digest character varying(64) NOT NULL,
    name character varying(32) NOT NULL,
    role character varying(16) NOT NULL,
    until_ns bigint NOT NULL
);
ALTER TABLE ONLY public.actions ALTER COLUMN id SET DEFAULT nextval('public.actions_id_seq'::regclass);
ALTER TABLE ONLY public.deliveries ALTER COLUMN id SET DEFAULT nextval('public.deliveries_id_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
ALTER TABLE ONLY public.notices ALTER COLUMN id SET DEFAULT nextval('public.notices_id_seq'::regclass);
ALTER TABLE ONLY public.standings ALTER COLUMN id SET DEFAULT nextval('public.standings_id_seq'::regclass);
INSERT INTO public.about VALUES ('schema', '2');
INSERT INTO public.accounts VALUES ('li', 'admin', false, 'scrypt$32768$8$1$PlKCIHBmTsgXYEGfBeO64A==$cGznq5SobtKfp0T4ykkraCWU3JHz+bTaen7CTTBxKxA=', 1800000005000000000);
INSERT INTO public.accounts VALUES ('wang', 'officer', false, 'scrypt$32768$8$1$QydKBKMcSNEIMRuhqGPvXQ==$FLkgYEhl6SMkI4SZWPAtrhpjI6ugI0xfMgXVba6qs9A=', 1800000005000000000);
INSERT INTO public.actions VALUES (1, 'fyxwjmetl5igvnf4', 1800000005000000000, 'wang', 'acknowledge', '', '', 'wang', 'new', 'acknowledged');
INSERT INTO public.actions VALUES (2, 'fyxwjmetl5igvnf4', 1800000005000000000, 'wang', 'note', '', 'van sent 已派车', 'wang', 'acknowledged', 'acknowledged');
INSERT INTO public.alarms VALUES ('lzewyxdy2of5yjqa', 'school-3', 'dismissed', false, 40, 210000000, 1800000000000000000, 1800000002000000000, 1800000005000000000, '{"id":"lzewyxdy2of5yjqa","site":"school-3","sensors":["school-3/hall"],"state":"dismissed","center_freq_hz":210000000.0,"bandwidth_hz":500000.0,"first_seen_ns":1800000000000000000,"last_seen_ns":1800000002000000000,"snr_db":20.0,"sightings":1,"label":"","suspicion":40,"reasons":[{"id":"reason.new","args":{},"weight":40}],"label_confidence":0.0,"sentence":[{"id":"sentence.heard","args":{"freq_mhz":210.0,"on_s":2.0},"weight":0}],"on_air":true,"on_s":2.0,"excess_db":18.0,"levels":[{"sensor":"school-3/hall","snr_db":20.0}],"owner":"","drill":false,"opened_ns":1800000005000000000,"changed_ns":1800000005000000000,"overdue":false,"known":1}', '\x8ca26964b06c7a657779786479326f6635796a7161a473697465a87363686f6f6c2d33a57374617465a96469736d6973736564a5706172747391de0011a673656e736f72ad7363686f6f6c2d332f68616c6ca7656d6974746572a27476a66f6e5f616972c3ae63656e7465725f667265715f687acb41a908b100000000ac62616e6477696474685f687acb411e848000000000a6736e725f6462cb4034000000000000a96578636573735f6462cb4032000000000000a97065616b5f64626673cbc049000000000000ad66697273745f7365656e5f6e73cf18fae27693b40000ac6c6173745f7365656e5f6e73cf18fae2770ae99400a97369676874696e677301a46f6e5f73cb4000000000000000a56c6162656ca0b06c6162656c5f636f6e666964656e6365cb0000000000000000a9737573706963696f6e28a7726561736f6e739183a26964aa726561736f6e2e6e6577a46172677380a677656967687428a868656172645f6e73cf18fae277bdb9f200a96f70656e65645f6e73cf18fae277bdb9f200aa6368616e6765645f6e73cf18fae277bdb9f200a56f776e6572a0a7636f6e7465787490a56472696c6cc2a97261697365645f6e73cf18fae277bdb9f200a76f766572647565c2a56b6e6f776e01');
INSERT INTO public.alarms VALUES ('fyxwjmetl5igvnf4', 'school-3', 'acknowledged', true, 40, 169500000, 1800000000000000000, 1800000002000000000, 1800000005000000000, '{"id":"fyxwjmetl5igvnf4","site":"school-3","sensors":["school-3/hall"],"state":"acknowledged","center_freq_hz":169500000.0,"bandwidth_hz":12000.0,"first_seen_ns":1800000000000000000,"last_seen_ns":1800000002000000000,"snr_db":25,"sightings":1,"label":"","suspicion":40,"reasons":[{"id":"reason.new","args":{},"weight":40}],"label_confidence":0.0,"sentence":[{"id":"sentence.heard","args":{"freq_mhz":169.5,"on_s":2.0},"weight":0}],"on_air":true,"on_s":2.0,"excess_db":18.0,"levels":[{"sensor":"school-3/hall","snr_db":25}],"owner":"wang","drill":false,"opened_ns":1800000000000000000,"changed_ns":1800000005000000000,"overdue":false,"known":0}', '\x8ca26964b0667978776a6d65746c356967766e6634a473697465a87363686f6f6c2d33a57374617465ac61636b6e6f776c6564676564a5706172747391de0011a673656e736f72ad7363686f6f6c2d332f68616c6ca7656d6974746572a26531a66f6e5f616972c3ae63656e7465725f667265715f687acb41a434bac0000000ac62616e6477696474685f687acb40c7700000000000a6736e725f646219a96578636573735f6462cb4032000000000000a97065616b5f64626673cbc049000000000000ad66697273745f7365656e5f6e73cf18fae27693b40000ac6c6173745f7365656e5f6e73cf18fae2770ae99400a97369676874696e677301a46f6e5f73cb4000000000000000a56c6162656ca0b06c6162656c5f636f6e666964656e6365cb0000000000000000a9737573706963696f6e28a7726561736f6e739183a26964aa726561736f6e2e6e6577a46172677380a677656967687428a868656172645f6e73cf18fae27693b40000a96f70656e65645f6e73cf18fae27693b40000aa6368616e6765645f6e73cf18fae277bdb9f200a56f776e6572a477616e67a7636f6e7465787490a56472696c6cc2a97261697365645f6e73cf18fae27693b40000a76f766572647565c2a56b6e6f776e00');
INSERT INTO public.audit VALUES (1, 1800000000000000000, 'monitor', 'alarm.opened', 'fyxwjmetl5igvnf4', '{"center_freq_hz":169500000.0,"site":"school-3"}', '0000000000000000000000000000000000000000000000000000000000000000', '691291dc0ef2abe556c28aab6d2528c2b3fa468d6176e3520ee072b2d46eba85');
INSERT INTO public.audit VALUES (2, 1800000005000000000, 'operator', 'account.created', 'li', '{"role":"admin"}', '691291dc0ef2abe556c28aab6d2528c2b3fa468d6176e3520ee072b2d46eba85', '6e5e311990bf81efb5a1d550139ff014f8d44272a6e67f98f5198331cf50b63c');
INSERT INTO public.audit VALUES (3, 1800000005000000000, 'li', 'account.created', 'wang', '{"role":"officer"}', '6e5e311990bf81efb5a1d550139ff014f8d44272a6e67f98f5198331cf50b63c', '08f5f7d8f9937d5b33fd05d32b8f90bf5cca198b460577ba28107b56dd3ac654');
INSERT INTO public.audit VALUES (4, 1800000005000000000, 'li', 'token.made', 'script', '{"role":"auditor"}', '08f5f7d8f9937d5b33fd05d32b8f90bf5cca198b460577ba28107b56dd3ac654', '3fc6c649fe42b43ad30edcb72d67f0d7314a377f48db62ff22e53134cae66021');
INSERT INTO public.audit VALUES (5, 1800000005000000000, 'li', 'known.added', '1', '{"author":"li","created_ns":1800000005000000000,"ended_by":"","ended_ns":0,"high_hz":211000000.0,"id":1,"low_hz":209000000.0,"name":"DTMB","reason":"broadcast","site":"","start_ns":0,"stop_ns":0}', '3fc6c649fe42b43ad30edcb72d67f0d7314a377f48db62ff22e53134cae66021', '69e3bb7396352e30e782613a5ad11610611e3344a48d75ea885f1c2777c5a9a0');
INSERT INTO public.audit VALUES (6, 1800000005000000000, 'monitor', 'breach.gap', '00112233aabbccdd', '{"level":"alarm","note":{"args":{"count":5,"first":5,"last":9,"peer":"00112233aabbccdd"},"id":"notice.gap","weight":0},"sensor":"","site":"school-3","start_ns":1800000005000000000,"stop_ns":1800000005000000000}', '69e3bb7396352e30e782613a5ad11610611e3344a48d75ea885f1c2777c5a9a0', '8821c1e03bead6dde118012d554b4bb6cc4df06223c74ba98af4ec067fc64249');
INSERT INTO public.audit VALUES (7, 1800000005000000000, 'monitor', 'alarm.explained', 'lzewyxdy2of5yjqa', '{"center_freq_hz":210000000.0,"known":1,"site":"school-3"}', '8821c1e03bead6dde118012d554b4bb6cc4df06223c74ba98af4ec067fc64249', '4521484a42038f69b06d8282df4eac1d9a44e671bb78353467f1869380b60a8b');
INSERT INTO public.audit VALUES (8, 1800000005000000000, 'wang', 'alarm.acknowledge', 'fyxwjmetl5igvnf4', '{"action":"acknowledge","alarm":"fyxwjmetl5igvnf4","author":"wang","note":"","owner":"wang","reason":"","state_after":"acknowledged","state_before":"new","time_ns":1800000005000000000}', '4521484a42038f69b06d8282df4eac1d9a44e671bb78353467f1869380b60a8b', '4ce37bf7fc8304bb1de1ef4754d90834117dc0a06700557c02c7f49c9629cae6');
INSERT INTO public.audit VALUES (9, 1800000005000000000, 'wang', 'alarm.note', 'fyxwjmetl5igvnf4', '{"action":"note","alarm":"fyxwjmetl5igvnf4","author":"wang","note":"van sent 已派车","owner":"wang","reason":"","state_after":"acknowledged","state_before":"acknowledged","time_ns":1800000005000000000}', '4ce37bf7fc8304bb1de1ef4754d90834117dc0a06700557c02c7f49c9629cae6', '5d5133a9a18ee67082bac854d57043dee2aa24ed6eec621ac1bffcecf660ac55');
INSERT INTO public.audit VALUES (10, 1800000025000000000, 'monitor', 'notice.warning', '', '{"level":"warning","note":{"args":{"seconds":5},"id":"notice.silent","weight":0},"sensor":"","site":"school-3","start_ns":1800000025000000000,"stop_ns":0}', '5d5133a9a18ee67082bac854d57043dee2aa24ed6eec621ac1bffcecf660ac55', 'c874fef9b8d335b23ad6a290aca7ca448015a23ce3e3f932cd247406a595bf92');
INSERT INTO public.audit VALUES (11, 1800000025000000000, 'monitor', 'checkpoint', 'sites', '{"00112233aabbccdd/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee":[9,"6868686868686868686868686868686868686868686868686868686868686868"]}', 'c874fef9b8d335b23ad6a290aca7ca448015a23ce3e3f932cd247406a595bf92', '5cf34d9cd6d3a83ba5205185bd70c069a14f8448b054f2bb08723bace76f3a76');
INSERT INTO public.audit VALUES (12, 1800000025000000000, 'li', 'session.added', '1', '{"armed_s":1800.0,"author":"li","closing_s":1800.0,"created_ns":1800000025000000000,"drill_s":3600.0,"ended_by":"","ended_ns":0,"id":1,"name":"数学","site":"*","start_ns":1800007225000000000,"stop_ns":1800014425000000000}', '5cf34d9cd6d3a83ba5205185bd70c069a14f8448b054f2bb08723bace76f3a76', 'bac88670b1f1de561a3bb7e9a811fbf36bee1c3db5d826c4b5a2d07847bbe7fa');
INSERT INTO public.clips VALUES ('school-3', 'e1-1', 'school-3/hall', 'e1', 1800000000000000000, 1800000001000000000, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1800000025000000000, 0, 0);
INSERT INTO public.deliveries VALUES (1, 'duty', 'new', 'fyxwjmetl5igvnf4', 1800000000000000000, 'school-3: suspicious emission', 'heard for 2.0 s at 169.5 MHz
suspicion 40 of 100', 'waiting', 1, 1800000000000000000, 1800000010000000000, 0, 'ConnectionError: nobody there');
INSERT INTO public.emitters VALUES ('school-3/hall', 'e1', 'fyxwjmetl5igvnf4');
INSERT INTO public.emitters VALUES ('school-3/hall', 'tv', 'lzewyxdy2of5yjqa');
INSERT INTO public.events VALUES (1, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 1, 'emitter', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, 'fyxwjmetl5igvnf4', '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f31', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\x2e2f64b0935f506ab4bc2565ea8a8c594f804b622d17436d36729d5a53ff311c');
INSERT INTO public.events VALUES (2, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 2, 'emitter', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, 'fyxwjmetl5igvnf4', '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f32', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\x67a1f5f28c0344bbcedf53625ecb3384b3fdbfff45360efe16234f00164679c7');
INSERT INTO public.events VALUES (3, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 3, 'notice', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, NULL, '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f33', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\xa9d137cda730ebea107a17b25aef174792d4882d82df658ad20cbc389e9f8d46');
INSERT INTO public.events VALUES (4, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 4, 'emitter', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, 'lzewyxdy2of5yjqa', '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f34', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\x5e496c5c78d38bdc2600df9ab1be954f350671ebe076e6e5517ff7af4be8f272');
INSERT INTO public.exams VALUES (1, '数学', '*', 1800007225000000000, 1800014425000000000, 3600, 1800, 1800, 'li', 1800000025000000000, 0, '');
INSERT INTO public.known VALUES (1, 209000000, 211000000, 'DTMB', 'broadcast', '', 0, 0, 'li', 1800000005000000000, 0, '');
INSERT INTO public.notices VALUES (1, 'school-3', 'school-3/hall', 'warning', 'ledger.lost', '{"id":"ledger.lost","args":{"seconds":3},"weight":0}', 1800000000000000000, 0);
INSERT INTO public.notices VALUES (2, 'school-3', '', 'alarm', 'notice.gap', '{"id":"notice.gap","args":{"peer":"00112233aabbccdd","first":5,"last":9,"count":5},"weight":0}', 1800000005000000000, 1800000005000000000);
INSERT INTO public.notices VALUES (3, 'school-3', '', 'warning', 'notice.silent', '{"id":"notice.silent","args":{"seconds":5},"weight":0}', 1800000025000000000, 0);
INSERT INTO public.standings VALUES (1, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 9, '\x6868686868686868686868686868686868686868686868686868686868686868');
INSERT INTO public.tokens VALUES ('67edb4e3a394ea6e9421bc8a95d5e573211c7bc9504aef2edc0d4f66580235bd', 'script', 'auditor', 1831536005000000000);
SELECT pg_catalog.setval('public.actions_id_seq', 2, true);
SELECT pg_catalog.setval('public.deliveries_id_seq', 1, true);
SELECT pg_catalog.setval('public.events_id_seq', 4, true);
SELECT pg_catalog.setval('public.notices_id_seq', 3, true);
SELECT pg_catalog.setval('public.standings_id_seq', 2, true);
ALTER TABLE ONLY public.about
    ADD CONSTRAINT about_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT alarms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.clips
    ADD CONSTRAINT clips_pkey PRIMARY KEY (site, name);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT deliveries_receiver_news_subject_raised_ns_key UNIQUE (receiver, news, subject, raised_ns);
ALTER TABLE ONLY public.emitters
    ADD CONSTRAINT emitters_pkey PRIMARY KEY (sensor, emitter);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_peer_epoch_seq_key UNIQUE (peer, epoch, seq);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.exams
    ADD CONSTRAINT exams_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.known
    ADD CONSTRAINT known_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_site_sensor_note_id_start_ns_key UNIQUE (site, sensor, note_id, start_ns);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_pkey PRIMARY KEY (site);
ALTER TABLE ONLY public.standings
    ADD CONSTRAINT standings_peer_epoch_key UNIQUE (peer, epoch);
ALTER TABLE ONLY public.standings
    ADD CONSTRAINT standings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_name_key UNIQUE (name);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (digest);
CREATE INDEX actions_by_alarm ON public.actions USING btree (alarm, id);
CREATE INDEX alarms_by_last_seen ON public.alarms USING btree (last_seen_ns, id);
CREATE INDEX alarms_by_openness ON public.alarms USING btree (is_open, last_seen_ns);
CREATE INDEX alarms_by_site ON public.alarms USING btree (site, last_seen_ns);
CREATE INDEX alarms_by_state ON public.alarms USING btree (state, last_seen_ns);
CREATE INDEX clips_by_emitter ON public.clips USING btree (sensor, emitter);
CREATE INDEX deliveries_by_state ON public.deliveries USING btree (state, next_ns);
CREATE INDEX emitters_by_alarm ON public.emitters USING btree (alarm);
CREATE INDEX events_by_alarm ON public.events USING btree (alarm, id);
CREATE INDEX notices_by_start ON public.notices USING btree (start_ns);
