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
CREATE TABLE public.approvals (
    id bigint NOT NULL,
    act character varying(32) NOT NULL,
    subject character varying(64) NOT NULL,
    what text NOT NULL,
    hash character varying(64) NOT NULL,
    wanted_by character varying(64) NOT NULL,
    wanted_ns bigint NOT NULL,
    until_ns bigint NOT NULL,
    state character varying(16) NOT NULL,
    decided_by character varying(64) NOT NULL,
    decided_ns bigint NOT NULL,
    note text NOT NULL
);
CREATE SEQUENCE public.approvals_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.approvals_id_seq OWNED BY public.approvals.id;
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
CREATE TABLE public.reviews (
    id bigint NOT NULL,
    site character varying(64) NOT NULL,
    start_ns bigint NOT NULL,
    stop_ns bigint NOT NULL,
    findings text NOT NULL,
    author character varying(64) NOT NULL,
    created_ns bigint NOT NULL
);
CREATE SEQUENCE public.reviews_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.reviews_id_seq OWNED BY public.reviews.id;
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
ALTER TABLE ONLY public.approvals ALTER COLUMN id SET DEFAULT nextval('public.approvals_id_seq'::regclass);
ALTER TABLE ONLY public.deliveries ALTER COLUMN id SET DEFAULT nextval('public.deliveries_id_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
ALTER TABLE ONLY public.notices ALTER COLUMN id SET DEFAULT nextval('public.notices_id_seq'::regclass);
ALTER TABLE ONLY public.reviews ALTER COLUMN id SET DEFAULT nextval('public.reviews_id_seq'::regclass);
ALTER TABLE ONLY public.standings ALTER COLUMN id SET DEFAULT nextval('public.standings_id_seq'::regclass);
INSERT INTO public.about VALUES ('schema', '3');
INSERT INTO public.accounts VALUES ('li', 'admin', false, 'scrypt$32768$8$1$PlKCIHBmTsgXYEGfBeO64A==$cGznq5SobtKfp0T4ykkraCWU3JHz+bTaen7CTTBxKxA=', 1800000005000000000);
INSERT INTO public.accounts VALUES ('wang', 'officer', false, 'scrypt$32768$8$1$QydKBKMcSNEIMRuhqGPvXQ==$FLkgYEhl6SMkI4SZWPAtrhpjI6ugI0xfMgXVba6qs9A=', 1800000005000000000);
INSERT INTO public.actions VALUES (1, 'fyxwjmetl5igvnf4', 1800000005000000000, 'wang', 'acknowledge', '', '', 'wang', 'new', 'acknowledged');
INSERT INTO public.actions VALUES (2, 'fyxwjmetl5igvnf4', 1800000005000000000, 'wang', 'note', '', 'van sent 已派车', 'wang', 'acknowledged', 'acknowledged');
INSERT INTO public.alarms VALUES ('lzewyxdy2of5yjqa', 'school-3', 'dismissed', false, 40, 210000000, 1800000000000000000, 1800000002000000000, 1800000005000000000, '{"id":"lzewyxdy2of5yjqa","site":"school-3","sensors":["school-3/hall"],"state":"dismissed","center_freq_hz":210000000.0,"bandwidth_hz":500000.0,"first_seen_ns":1800000000000000000,"last_seen_ns":1800000002000000000,"snr_db":20.0,"sightings":1,"label":"","suspicion":40,"reasons":[{"id":"reason.new","args":{},"weight":40}],"label_confidence":0.0,"sentence":[{"id":"sentence.heard","args":{"freq_mhz":210.0,"on_s":2.0},"weight":0}],"on_air":true,"on_s":2.0,"excess_db":18.0,"levels":[{"sensor":"school-3/hall","snr_db":20.0}],"owner":"","drill":false,"opened_ns":1800000005000000000,"changed_ns":1800000005000000000,"overdue":false,"known":1}', '\x8ca26964b06c7a657779786479326f6635796a7161a473697465a87363686f6f6c2d33a57374617465a96469736d6973736564a5706172747391de0011a673656e736f72ad7363686f6f6c2d332f68616c6ca7656d6974746572a27476a66f6e5f616972c3ae63656e7465725f667265715f687acb41a908b100000000ac62616e6477696474685f687acb411e848000000000a6736e725f6462cb4034000000000000a96578636573735f6462cb4032000000000000a97065616b5f64626673cbc049000000000000ad66697273745f7365656e5f6e73cf18fae27693b40000ac6c6173745f7365656e5f6e73cf18fae2770ae99400a97369676874696e677301a46f6e5f73cb4000000000000000a56c6162656ca0b06c6162656c5f636f6e666964656e6365cb0000000000000000a9737573706963696f6e28a7726561736f6e739183a26964aa726561736f6e2e6e6577a46172677380a677656967687428a868656172645f6e73cf18fae277bdb9f200a96f70656e65645f6e73cf18fae277bdb9f200aa6368616e6765645f6e73cf18fae277bdb9f200a56f776e6572a0a7636f6e7465787490a56472696c6cc2a97261697365645f6e73cf18fae277bdb9f200a76f766572647565c2a56b6e6f776e01');
INSERT INTO public.alarms VALUES ('4lqryhuu74j6faia', 'school-7', 'new', true, 30, 169500000, 1800000000000000000, 1800000002000000000, 1800000000000000000, '{"id":"4lqryhuu74j6faia","site":"school-7","sensors":["school-7/hall"],"state":"new","center_freq_hz":169500000.0,"bandwidth_hz":12000.0,"first_seen_ns":1800000000000000000,"last_seen_ns":1800000002000000000,"snr_db":20.0,"sightings":1,"label":"","suspicion":30,"reasons":[{"id":"reason.new","args":{},"weight":40},{"id":"reason.also_elsewhere","args":{"sites":2},"weight":-10}],"label_confidence":0.0,"sentence":[{"id":"sentence.heard","args":{"freq_mhz":169.5,"on_s":2.0},"weight":0},{"id":"reason.also_elsewhere","args":{"sites":2},"weight":-10}],"on_air":true,"on_s":2.0,"excess_db":18.0,"levels":[{"sensor":"school-7/hall","snr_db":20.0}],"owner":"","drill":false,"opened_ns":1800000000000000000,"changed_ns":1800000000000000000,"overdue":false,"known":0,"level":0}', '\x8da26964b0346c71727968757537346a3666616961a473697465a87363686f6f6c2d37a57374617465a36e6577a5706172747391de0011a673656e736f72ad7363686f6f6c2d372f68616c6ca7656d6974746572a26531a66f6e5f616972c3ae63656e7465725f667265715f687acb41a434bac0000000ac62616e6477696474685f687acb40c7700000000000a6736e725f6462cb4034000000000000a96578636573735f6462cb4032000000000000a97065616b5f64626673cbc049000000000000ad66697273745f7365656e5f6e73cf18fae27693b40000ac6c6173745f7365656e5f6e73cf18fae2770ae99400a97369676874696e677301a46f6e5f73cb4000000000000000a56c6162656ca0b06c6162656c5f636f6e666964656e6365cb0000000000000000a9737573706963696f6e28a7726561736f6e739183a26964aa726561736f6e2e6e6577a46172677380a677656967687428a868656172645f6e73cf18fae27693b40000a96f70656e65645f6e73cf18fae27693b40000aa6368616e6765645f6e73cf18fae27693b40000a56f776e6572a0a7636f6e746578749183a26964b5726561736f6e2e616c736f5f656c73657768657265a46172677381a5736974657302a6776569676874f6a56472696c6cc2a97261697365645f6e73cf18fae27693b40000a76f766572647565c2a56b6e6f776e00a56c6576656c00');
INSERT INTO public.alarms VALUES ('fyxwjmetl5igvnf4', 'school-3', 'acknowledged', true, 30, 169500000, 1800000000000000000, 1800000002000000000, 1800000000000000000, '{"id":"fyxwjmetl5igvnf4","site":"school-3","sensors":["school-3/hall"],"state":"acknowledged","center_freq_hz":169500000.0,"bandwidth_hz":12000.0,"first_seen_ns":1800000000000000000,"last_seen_ns":1800000002000000000,"snr_db":25.0,"sightings":1,"label":"","suspicion":30,"reasons":[{"id":"reason.new","args":{},"weight":40},{"id":"reason.also_elsewhere","args":{"sites":2},"weight":-10}],"label_confidence":0.0,"sentence":[{"id":"sentence.heard","args":{"freq_mhz":169.5,"on_s":2.0},"weight":0},{"id":"reason.also_elsewhere","args":{"sites":2},"weight":-10}],"on_air":true,"on_s":2.0,"excess_db":18.0,"levels":[{"sensor":"school-3/hall","snr_db":25.0}],"owner":"wang","drill":false,"opened_ns":1800000000000000000,"changed_ns":1800000000000000000,"overdue":false,"known":0,"level":0}', '\x8da26964b0667978776a6d65746c356967766e6634a473697465a87363686f6f6c2d33a57374617465ac61636b6e6f776c6564676564a5706172747391de0011a673656e736f72ad7363686f6f6c2d332f68616c6ca7656d6974746572a26531a66f6e5f616972c3ae63656e7465725f667265715f687acb41a434bac0000000ac62616e6477696474685f687acb40c7700000000000a6736e725f6462cb4039000000000000a96578636573735f6462cb4032000000000000a97065616b5f64626673cbc049000000000000ad66697273745f7365656e5f6e73cf18fae27693b40000ac6c6173745f7365656e5f6e73cf18fae2770ae99400a97369676874696e677301a46f6e5f73cb4000000000000000a56c6162656ca0b06c6162656c5f636f6e666964656e6365cb0000000000000000a9737573706963696f6e28a7726561736f6e739183a26964aa726561736f6e2e6e6577a46172677380a677656967687428a868656172645f6e73cf18fae27693b40000a96f70656e65645f6e73cf18fae27693b40000aa6368616e6765645f6e73cf18fae27693b40000a56f776e6572a477616e67a7636f6e746578749183a26964b5726561736f6e2e616c736f5f656c73657768657265a46172677381a5736974657302a6776569676874f6a56472696c6cc2a97261697365645f6e73cf18fae27693b40000a76f766572647565c2a56b6e6f776e00a56c6576656c00');
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
INSERT INTO public.audit VALUES (13, 1800000000000000000, 'monitor', 'alarm.opened', '4lqryhuu74j6faia', '{"center_freq_hz":169500000.0,"site":"school-7"}', 'bac88670b1f1de561a3bb7e9a811fbf36bee1c3db5d826c4b5a2d07847bbe7fa', '0c32baebf9ffe5ad6492a639f7354e4637848548b0c00739074935c53ac098fc');
INSERT INTO public.audit VALUES (14, 1800000000000000000, 'monitor', 'checkpoint', 'sites', '{"3bcd87c955e299d3/72727272727272727272727272727272":[4,"37c0b22d1b1b92473bd15cec0ea272841183a045c71cac91ebaba03bbeaedfa8"]}', '0c32baebf9ffe5ad6492a639f7354e4637848548b0c00739074935c53ac098fc', '895d8b79f343f993e547eef17467ed37ed3b05f57911c4ad50fc7dfcb78699d5');
INSERT INTO public.clips VALUES ('school-3', 'e1-1', 'school-3/hall', 'e1', 1800000000000000000, 1800000001000000000, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1800000025000000000, 0, 0);
INSERT INTO public.deliveries VALUES (1, 'duty', 'new', 'fyxwjmetl5igvnf4', 1800000000000000000, 'school-3: suspicious emission', 'heard for 2.0 s at 169.5 MHz
suspicion 40 of 100', 'waiting', 1, 1800000000000000000, 1800000010000000000, 0, 'ConnectionError: nobody there');
INSERT INTO public.emitters VALUES ('school-3/hall', 'e1', 'fyxwjmetl5igvnf4');
INSERT INTO public.emitters VALUES ('school-3/hall', 'tv', 'lzewyxdy2of5yjqa');
INSERT INTO public.emitters VALUES ('school-7/hall', 'e1', '4lqryhuu74j6faia');
INSERT INTO public.events VALUES (1, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 1, 'emitter', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, 'fyxwjmetl5igvnf4', '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f31', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\x2e2f64b0935f506ab4bc2565ea8a8c594f804b622d17436d36729d5a53ff311c');
INSERT INTO public.events VALUES (2, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 2, 'emitter', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, 'fyxwjmetl5igvnf4', '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f32', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\x67a1f5f28c0344bbcedf53625ecb3384b3fdbfff45360efe16234f00164679c7');
INSERT INTO public.events VALUES (3, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 3, 'notice', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, NULL, '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f33', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\xa9d137cda730ebea107a17b25aef174792d4882d82df658ad20cbc389e9f8d46');
INSERT INTO public.events VALUES (4, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 4, 'emitter', 'school-3', 'school-3/hall', 1800000000000000000, 1800000000000000000, 0, 'lzewyxdy2of5yjqa', '\x303031313232333361616262636364642f65656565656565656565656565656565656565656565656565656565656565652f34', '\x73737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373737373', '\x5e496c5c78d38bdc2600df9ab1be954f350671ebe076e6e5517ff7af4be8f272');
INSERT INTO public.events VALUES (5, '3bcd87c955e299d3', '72727272727272727272727272727272', 1, 'emitter', 'school-7', 'school-7/hall', 1800000000000000000, 1800000000000000000, NULL, '4lqryhuu74j6faia', '\x9901c4107272727272727272727272727272727201cf18fae27693b4000000c41000000000000000000000000000000000c0c5024a86a474797065a772656c61796564a473697465a8636f756e74792d31a66e756d62657201aa7665726966795f6b6579c420f7707fca3e47654f4c5d3327ff5aa382e18680bf8c2dcf2f73886502e29e96f4a67265636f7264c501a39901c4107373737373737373737373737373737301cf18fae27693b4000000c41000000000000000000000000000000000c0c5014cde0013a474797065a7656d6974746572a473697465a87363686f6f6c2d37a673656e736f72ad7363686f6f6c2d372f68616c6ca7656d6974746572a26531a57068617365a46f70656eae63656e7465725f667265715f687acb41a434bac0000000ac62616e6477696474685f687acb40c7700000000000a6736e725f6462cb4034000000000000a96578636573735f6462cb4032000000000000a97065616b5f64626673cbc049000000000000ad66697273745f7365656e5f6e73cf18fae27693b40000ac6c6173745f7365656e5f6e73cf18fae2770ae99400a97369676874696e677301a46f6e5f73cb4000000000000000a56c6162656ca0b06c6162656c5f636f6e666964656e6365cb0000000000000000a9737573706963696f6e28a7726561736f6e739183a26964aa726561736f6e2e6e6577a46172677380a677656967687428a56472696c6cc2c4200000000000000000000000000000000000000000000000000000000000000000a97369676e6174757265c4409cb091e98564b7a4e217f5664ae7adaaa155854b98e6d071441e6802d2432cc98e2998bbf884d5e63233caf36b8e7112a7e9cf070e4ea0c4aa7e9d445f8d4704c4200000000000000000000000000000000000000000000000000000000000000000', '\xd66d46bd06e0712668d78c207687ccc1eafa873b03fbba697994d3e964857635d6df23202442b40ff29e1b8d828616fb23812da67485b1f673d6a481dad8d302', '\x2b9e695bab7f481afe6dcfabca63678de781a99638135b91b00361f7d11d5c6c');
INSERT INTO public.events VALUES (6, '3bcd87c955e299d3', '72727272727272727272727272727272', 2, 'notice', 'school-7', 'school-7/hall', 1800000000000000000, 1800000000000000000, NULL, NULL, '\x9901c4107272727272727272727272727272727202cf18fae27693b4000000c41000000000000000000000000000000000c0c5016c86a474797065a772656c61796564a473697465a8636f756e74792d31a66e756d62657202aa7665726966795f6b6579c420f7707fca3e47654f4c5d3327ff5aa382e18680bf8c2dcf2f73886502e29e96f4a67265636f7264c4c69901c4107373737373737373737373737373737302cf18fae27693b4000000c41000000000000000000000000000000000c0c47087a474797065a66e6f74696365a473697465a87363686f6f6c2d37a673656e736f72ad7363686f6f6c2d372f68616c6ca56c6576656ca4696e666fa46e6f746583a26964a26e31a46172677380a677656967687400a873746172745f6e73cf18fae27693b40000a773746f705f6e7300c420927a14e5f183154fc421a326f89b76a9246f135355c06a9d75206d2b53fb2f0ea97369676e6174757265c440cdffff5b99e5e628b35a04234cada03d6f70f8d74a05b2418930e2f72bd2faebe4ebb9841755c3563bc7e992ce635de5423acc88e2c7f21b2ae470719145c90fc4202b9e695bab7f481afe6dcfabca63678de781a99638135b91b00361f7d11d5c6c', '\xb57faa9b431a3e94b2d26c7545f2f25d902be16dbaf29b9a4a4affba31262c308c8453f15bedf93e18d07a61c359639e6c05d9731817a4dff9e356433ccd3607', '\x5aec5414787242106a5a6bb5b65b7c6569f5b9f6e9d7b165b43ac5412ee6d5ad');
INSERT INTO public.events VALUES (7, '3bcd87c955e299d3', '72727272727272727272727272727272', 3, 'notice', 'school-7', 'school-7/hall', 1800000000000000000, 1800000000000000000, NULL, NULL, '\x9901c4107272727272727272727272727272727203cf18fae27693b4000000c41000000000000000000000000000000000c0c5026a86a474797065a772656c61796564a473697465a8636f756e74792d31a66e756d62657203aa7665726966795f6b6579c4206584d84d5c52200269728969bfd6e3c1513d9d7797b8fa6fd075bbd40dac89e9a67265636f7264c501c39901c4106363636363636363636363636363636301cf18fae27693b4000000c41000000000000000000000000000000000c0c5016c86a474797065a772656c61796564a473697465a8636f756e74792d32a66e756d62657201aa7665726966795f6b6579c420f7707fca3e47654f4c5d3327ff5aa382e18680bf8c2dcf2f73886502e29e96f4a67265636f7264c4c69901c4107373737373737373737373737373737303cf18fae27693b4000000c41000000000000000000000000000000000c0c47087a474797065a66e6f74696365a473697465a87363686f6f6c2d37a673656e736f72ad7363686f6f6c2d372f68616c6ca56c6576656ca4696e666fa46e6f746583a26964a26e32a46172677380a677656967687400a873746172745f6e73cf18fae27693b40000a773746f705f6e7300c42040054f8d7718b13e4df32b04a12ed8f44df32168b02886e5de31767f374cb015a97369676e6174757265c440b47aa004bcc3be61fff927b415997f1f7812b016cd487719ed72997f489f1ec2223fdb3eafca417c6854c6bb3e9ed3d0c1ed1993946fdb6ced2d15f19c633b08c4200000000000000000000000000000000000000000000000000000000000000000a97369676e6174757265c44078eec3f8a3b05439d9bcae664db6bc66779c8bd8297c74aed5625abc33be80440fe3dfc20ffcbd6e3269a31faf94ef55d4254e63b7ab179e5894eacfca8a1a05c4205aec5414787242106a5a6bb5b65b7c6569f5b9f6e9d7b165b43ac5412ee6d5ad', '\xb86cee1696a721e6f38aaa373b8b3e33279dca760e60dc88bb52b5464147ba895a049a12abc10accb0e62d95188b8234698038b806e0a562498c20d8f63c870b', '\xd7e67dbf07464e764e221327750de2e02b381f38b6161f92fd2e93104ff104c3');
INSERT INTO public.events VALUES (8, '3bcd87c955e299d3', '72727272727272727272727272727272', 4, 'notice', 'county-1', 'county-1', 1800000000000000000, 1800000000000000000, NULL, NULL, '\x9901c4107272727272727272727272727272727204cf18fae27693b4000000c41000000000000000000000000000000000c0c47087a474797065a66e6f74696365a473697465a8636f756e74792d31a673656e736f72a8636f756e74792d31a56c6576656ca4696e666fa46e6f746583a26964a772656c61796564a46172677380a677656967687400a873746172745f6e73cf18fae27693b40000a773746f705f6e7300c420d7e67dbf07464e764e221327750de2e02b381f38b6161f92fd2e93104ff104c3', '\xbb2e78c45ad47b364c89d54e89996c6653802ad05cffc039ccf50c319e85aab17a9a9a870bc9d95ea80a2e2d898644fb1f2bef86fa60c51f66a28f969f94cc0b', '\x37c0b22d1b1b92473bd15cec0ea272841183a045c71cac91ebaba03bbeaedfa8');
INSERT INTO public.exams VALUES (1, '数学', '*', 1800007225000000000, 1800014425000000000, 3600, 1800, 1800, 'li', 1800000025000000000, 0, '');
INSERT INTO public.known VALUES (1, 209000000, 211000000, 'DTMB', 'broadcast', '', 0, 0, 'li', 1800000005000000000, 0, '');
INSERT INTO public.notices VALUES (1, 'school-3', 'school-3/hall', 'warning', 'ledger.lost', '{"id":"ledger.lost","args":{"seconds":3},"weight":0}', 1800000000000000000, 0);
INSERT INTO public.notices VALUES (2, 'school-3', '', 'alarm', 'notice.gap', '{"id":"notice.gap","args":{"peer":"00112233aabbccdd","first":5,"last":9,"count":5},"weight":0}', 1800000005000000000, 1800000005000000000);
INSERT INTO public.notices VALUES (3, 'school-3', '', 'warning', 'notice.silent', '{"id":"notice.silent","args":{"seconds":5},"weight":0}', 1800000025000000000, 0);
INSERT INTO public.notices VALUES (4, 'school-7', 'school-7/hall', 'info', 'n1', '{"id":"n1","args":{},"weight":0}', 1800000000000000000, 0);
INSERT INTO public.notices VALUES (5, 'school-7', 'school-7/hall', 'info', 'n2', '{"id":"n2","args":{},"weight":0}', 1800000000000000000, 0);
INSERT INTO public.notices VALUES (6, 'county-1', 'county-1', 'info', 'relayed', '{"id":"relayed","args":{},"weight":0}', 1800000000000000000, 0);
INSERT INTO public.standings VALUES (1, '00112233aabbccdd', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 9, '\x6868686868686868686868686868686868686868686868686868686868686868');
INSERT INTO public.standings VALUES (3, '3bcd87c955e299d3', '72727272727272727272727272727272', 4, '\x37c0b22d1b1b92473bd15cec0ea272841183a045c71cac91ebaba03bbeaedfa8');
INSERT INTO public.tokens VALUES ('67edb4e3a394ea6e9421bc8a95d5e573211c7bc9504aef2edc0d4f66580235bd', 'script', 'auditor', 1831536005000000000);
SELECT pg_catalog.setval('public.actions_id_seq', 2, true);
SELECT pg_catalog.setval('public.approvals_id_seq', 1, false);
SELECT pg_catalog.setval('public.deliveries_id_seq', 1, true);
SELECT pg_catalog.setval('public.events_id_seq', 8, true);
SELECT pg_catalog.setval('public.notices_id_seq', 6, true);
SELECT pg_catalog.setval('public.reviews_id_seq', 1, false);
SELECT pg_catalog.setval('public.standings_id_seq', 3, true);
ALTER TABLE ONLY public.about
    ADD CONSTRAINT about_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alarms
    ADD CONSTRAINT alarms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);
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
ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (id);
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
CREATE INDEX alarms_by_first_seen ON public.alarms USING btree (first_seen_ns);
CREATE INDEX alarms_by_frequency ON public.alarms USING btree (center_freq_hz);
CREATE INDEX alarms_by_last_seen ON public.alarms USING btree (last_seen_ns, id);
CREATE INDEX alarms_by_openness ON public.alarms USING btree (is_open, last_seen_ns);
CREATE INDEX alarms_by_site ON public.alarms USING btree (site, last_seen_ns);
CREATE INDEX alarms_by_state ON public.alarms USING btree (state, last_seen_ns);
CREATE INDEX alarms_by_suspicion ON public.alarms USING btree (suspicion, last_seen_ns);
CREATE INDEX approvals_by_state ON public.approvals USING btree (state, id);
CREATE INDEX approvals_by_subject ON public.approvals USING btree (act, subject);
CREATE INDEX clips_by_emitter ON public.clips USING btree (sensor, emitter);
CREATE INDEX deliveries_by_state ON public.deliveries USING btree (state, next_ns);
CREATE INDEX emitters_by_alarm ON public.emitters USING btree (alarm);
CREATE INDEX events_by_alarm ON public.events USING btree (alarm, id);
CREATE INDEX notices_by_name ON public.notices USING btree (site, sensor, note_id, start_ns);
CREATE INDEX notices_by_start ON public.notices USING btree (start_ns);
CREATE INDEX reviews_by_stop ON public.reviews USING btree (stop_ns);
