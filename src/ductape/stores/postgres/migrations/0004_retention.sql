-- oldest: 1
-- Finished runs may be kept for another time than other products' runs of the same day.

-- How far each day was gone through for runs of products that are kept for less long than others.
CREATE TABLE ductape.history_swept (
    day          text COLLATE "C" PRIMARY KEY,  -- the name of its table
    rule         text    NOT NULL,  -- whose runs go, as JSON
    after_job    text COLLATE "C",  -- null: to the end
    after_number integer
) WITH (fillfactor = 50);

CREATE INDEX history_completed_rest_product ON ductape.history_completed_rest (product, completed_at);
CREATE INDEX history_failed_rest_product ON ductape.history_failed_rest (product, completed_at);
