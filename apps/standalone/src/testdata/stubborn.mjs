import { serve } from './fake.mjs'

serve({ listens: false, stubborn: true })
