-- title: Mail that was sent or given up keeps no secret
-- needs: auth
SELECT id, kind, state FROM auth.outgoing_mail WHERE state <> 'pending' AND sealed_values IS NOT NULL;
