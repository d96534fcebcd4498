-- How many entries a group has of its own: small groups are copied into the next, so that chains stay short.
ALTER TABLE state_groups ADD COLUMN n_entries INTEGER NOT NULL DEFAULT 0;
UPDATE state_groups SET n_entries =
    (SELECT count(*) FROM state_group_entries e WHERE e.state_group = state_groups.nid);
ALTER TABLE state_groups DROP COLUMN n_hops;
