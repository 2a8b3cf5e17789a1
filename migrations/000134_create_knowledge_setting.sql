-- +goose Up

-- What becomes of knowledge past its time. One row, or none: the defaults.
CREATE TABLE knowledge_setting (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    expired           text    NOT NULL DEFAULT 'withhold' CHECK (expired IN ('withhold', 'show')),
    review_after_days int     NOT NULL DEFAULT 0 CHECK (review_after_days BETWEEN 0 AND 3660) -- 0: no limit
);
