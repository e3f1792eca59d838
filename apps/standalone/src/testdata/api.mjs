import { serve } from './fake.mjs'

serve({ seeded: true, listens: true })
