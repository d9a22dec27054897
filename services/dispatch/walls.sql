-- What a tenant's own dispatch may do beyond its own rows: work on the cases of others that it takes part in.
-- {tenants} is the group of the tenants' roles, {mine} the tenant whose role logged in.

-- Nobody but the triggers says who takes part. A tenant sees those of its own cases, and where it is one itself.
REVOKE INSERT, UPDATE, DELETE ON dispatch.parties FROM {tenants};
CREATE POLICY party ON dispatch.parties FOR SELECT TO {tenants} USING (party = {mine});

-- A case that was handed over, is in the hands of a department's unit, or whose whistle was blown for one, stays where
-- it arose (docs/adr/0019): whoever takes part reads it and takes its steps there. Nobody takes part in a case that is
-- not there yet, so no case can be filed in another's name, and none can be deleted.
DO $$
DECLARE kept record; here text;
BEGIN
    FOR kept IN SELECT * FROM (VALUES
        ('cases', 'id'), ('findable', 'id'), ('tasks', 'case_id'), ('clocks', 'case_id'), ('history', 'case_id'),
        ('time_requests', 'case_id'), ('rectifications', 'case_id'), ('disputes', 'case_id'),
        ('handovers', 'case_id'), ('whistles', 'case_id'), ('case_log', 'case_id')) AS k (name, id)
    LOOP
        here := format(
            'EXISTS (SELECT FROM dispatch.parties p WHERE p.tenant = %1$I.tenant AND p.case_id = %1$I.%2$I'
            ' AND p.party = %3$s)', kept.name, kept.id, '{mine}');
        EXECUTE format('CREATE POLICY party_reads ON dispatch.%I FOR SELECT TO {tenants} USING (%s)', kept.name, here);
        EXECUTE format('CREATE POLICY party_adds ON dispatch.%I FOR INSERT TO {tenants} WITH CHECK (%s)', kept.name, here);
        EXECUTE format('CREATE POLICY party_steps ON dispatch.%I FOR UPDATE TO {tenants} USING (%s)', kept.name, here);
    END LOOP;
END $$;

-- The timers of such a case, by its id (and what follows it), and of such a whistle, by the whistle's.
CREATE POLICY party ON dispatch.timers TO {tenants} USING (
    EXISTS (SELECT FROM dispatch.parties p
        WHERE p.tenant = timers.tenant AND p.case_id = split_part(timers.ref, ' ', 1) AND p.party = {mine})
    OR EXISTS (SELECT FROM dispatch.whistles w
        WHERE w.tenant = timers.tenant AND w.id = split_part(timers.ref, ' ', 1))
);

-- Whether a tenant takes part in a case, for those who do. It looks with its owner's rights, so that a policy need not
-- show a tenant who else takes part in others' cases; whoever asks without taking part is told no.
CREATE OR REPLACE FUNCTION dispatch.takes_part(of_tenant text, of_case text, who text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM dispatch.parties p
            WHERE p.tenant = of_tenant AND p.case_id = of_case AND p.party = split_part(who, '~', 1))
        AND (split_part(of_tenant, '~', 1) = {mine} OR EXISTS (SELECT FROM dispatch.parties me
            WHERE me.tenant = of_tenant AND me.case_id = of_case AND me.party = {mine}))
$$;
-- Whether the asker and another tenant take part in any case together.
CREATE OR REPLACE FUNCTION dispatch.works_with(whom text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM dispatch.parties p
            WHERE p.party = split_part(whom, '~', 1) AND (split_part(p.tenant, '~', 1) = {mine}
                OR EXISTS (SELECT FROM dispatch.parties me
                    WHERE me.tenant = p.tenant AND me.case_id = p.case_id AND me.party = {mine})))
        OR EXISTS (SELECT FROM dispatch.parties p
            WHERE p.party = {mine} AND split_part(p.tenant, '~', 1) = split_part(whom, '~', 1))
$$;
REVOKE ALL ON FUNCTION dispatch.takes_part, dispatch.works_with FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dispatch.takes_part, dispatch.works_with TO {tenants};

-- How much a worker of another tenant has in hand counts where the worker belongs: who works with that tenant changes it.
CREATE POLICY party_reads ON dispatch.loads FOR SELECT TO {tenants} USING (dispatch.works_with(tenant));
CREATE POLICY party_adds ON dispatch.loads FOR INSERT TO {tenants} WITH CHECK (dispatch.works_with(tenant));
CREATE POLICY party_shifts ON dispatch.loads FOR UPDATE TO {tenants} USING (dispatch.works_with(tenant));

-- Messages are told under the tenant of their row, and the relay sends them with the core's rights. A tenant tells its
-- own; of a case that it takes part in, those of the tenant where it arose; and another party what concerns it.
CREATE POLICY named ON dispatch.outbox AS RESTRICTIVE FOR INSERT TO {tenants}
    WITH CHECK (split_part(key, '.', 1) = tenant);
CREATE POLICY case_tells ON dispatch.outbox FOR INSERT TO {tenants} WITH CHECK (
    EXISTS (SELECT FROM dispatch.parties p
        WHERE p.tenant = outbox.tenant AND p.party = {mine}
        AND p.case_id = convert_from(body, 'UTF8')::jsonb -> 'data' -> 'case' ->> 'case_id')
);
CREATE POLICY party_hears ON dispatch.outbox FOR INSERT TO {tenants} WITH CHECK (
    substr(key, length(tenant) + 2) IN ('task.offered.v1', 'support.asked.v1', 'handover.asked.v1',
        'handover.withdrawn.v1',
        'whistle.blown.v1', 'whistle.answered.v1', 'whistle.overdue.v1', 'whistle.ended.v1')
    AND dispatch.takes_part(
        convert_from(body, 'UTF8')::jsonb -> 'data' -> 'case' ->> 'tenant',
        convert_from(body, 'UTF8')::jsonb -> 'data' -> 'case' ->> 'case_id',
        tenant
    )
);
-- What was told is the relay's.
REVOKE UPDATE, DELETE ON dispatch.outbox FROM {tenants};
