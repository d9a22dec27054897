-- A tenant's own intake adds to the feeds of other tenants' systems what happened in its own town.
-- {tenants} is the group of the tenants' roles, {mine} the tenant whose role logged in.
CREATE POLICY told ON intake.feed FOR INSERT TO {tenants} WITH CHECK (split_part(town, '~', 1) = {mine});
REVOKE UPDATE, DELETE ON intake.outbox FROM {tenants};
CREATE POLICY named ON intake.outbox AS RESTRICTIVE FOR INSERT TO {tenants}
    WITH CHECK (split_part(key, '.', 1) = tenant);
