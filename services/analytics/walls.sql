-- {tenants} is the group of the tenants' roles.
REVOKE UPDATE, DELETE ON analytics.outbox FROM {tenants};
CREATE POLICY named ON analytics.outbox AS RESTRICTIVE FOR INSERT TO {tenants}
    WITH CHECK (split_part(key, '.', 1) = tenant);
