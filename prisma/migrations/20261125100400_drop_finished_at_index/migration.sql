-- DropIndex
DROP INDEX "operation_finished_at_idx";
