-- oldest: 1
-- Why somebody has cancelled a recurrence: between two of its runs no run could tell.

ALTER TABLE ductape.schedules ADD COLUMN reason text;
