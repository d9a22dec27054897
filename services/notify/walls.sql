-- A tenant's own notify tells people of other tenants, too, of what happened in its own: the department's that has the
-- case, the district's. Such a message is in its reader's tenant and says whom it is about.
-- {tenants} is the group of the tenants' roles, {mine} the tenant whose role logged in.
CREATE POLICY about ON notify.messages TO {tenants} USING (split_part(about_tenant, '~', 1) = {mine});
CREATE POLICY about ON notify.deliveries TO {tenants} USING (split_part(about_tenant, '~', 1) = {mine});
REVOKE UPDATE (about_tenant), DELETE ON notify.messages, notify.deliveries FROM {tenants};
REVOKE UPDATE, DELETE ON notify.outbox FROM {tenants};
CREATE POLICY named ON notify.outbox AS RESTRICTIVE FOR INSERT TO {tenants}
    WITH CHECK (split_part(key, '.', 1) = tenant);
