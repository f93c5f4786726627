-- Those of some owners that are banned, for an import to say what moving an image away from them would end.
SELECT DISTINCT subject FROM bans WHERE scope = 'owner' AND subject IN ({owners}) AND lifted_at IS NULL
