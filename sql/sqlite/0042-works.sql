-- 0042-works.sql: batches, runs and training pay for their tokens; what is open is looked after

-- Beside due and billed_* of 0041, which now stand for all that goes on at an upstream after its
-- creation was answered. Until its id is known a row has the id "~" and the creating request's.
ALTER TABLE resources ADD COLUMN charge INTEGER NOT NULL DEFAULT 0;   -- how tokens are priced: 0 a
                                                                      -- response, 1 a batch, 2 a run,
                                                                      -- 3 training
ALTER TABLE resources ADD COLUMN parent TEXT NOT NULL DEFAULT '';     -- a run's thread; what else was
                                                                      -- made of: its file
ALTER TABLE resources ADD COLUMN summary TEXT NOT NULL DEFAULT '';    -- JSON, of a file whose lines
                                                                      -- were checked, and of what was
                                                                      -- made of it; '' = not checked
ALTER TABLE resources ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;    -- how often it was looked at
ALTER TABLE resources ADD COLUMN look_at INTEGER NOT NULL DEFAULT 0;  -- not before, Unix seconds

CREATE INDEX resources_open ON resources (look_at) WHERE due = 1;
