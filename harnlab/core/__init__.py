"""The runtime's decisions, ported: values in, values out; no clock, file, frame or global.

Each room follows one module ("seed") of the Harn runtime and answers exactly as that module did:

- :mod:`harnlab.core.steps`: step budgets, error boundaries, hooks (``step_runtime`` 0.8.8)
- :mod:`harnlab.core.autonomy`: autonomy budgets (``autonomy_budget`` 0.8.2)
- :mod:`harnlab.core.dispatch`: what a call dispatched and what came back (``resolved_dispatch`` 0.9.8)
- :mod:`harnlab.core.agent_state`: durable state and its writers (``agent_state`` 0.7.26)
- :mod:`harnlab.core.skills`: which skill cards fit a budget (``skill_activation_evidence`` 0.9.8)
- :mod:`harnlab.core.trust`: the hash chain of trust records
"""
