-- oldest: 1
-- Why somebody has cancelled a recurrence: between two of its runs no run could tell.

ALTER TABLE schedules ADD COLUMN reason TEXT;
